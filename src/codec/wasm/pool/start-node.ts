import { Worker } from 'node:worker_threads';
import type { StartWorker } from './pool.ts';

/** Beside this file; in the packed library everything is JavaScript, in one folder. */
const SCRIPT = import.meta.url.endsWith('.ts') ? './worker-node.ts' : './decode-worker.js';

/** A thread that keeps the process alive only while it is held. */
export const startNodeWorker: StartWorker = ({ onMessage, onFailure }) => {
  const worker = new Worker(new URL(SCRIPT, import.meta.url), { name: 'kvedge decoder' });
  worker.on('message', onMessage);
  worker.on('error', onFailure);
  worker.on('exit', (code) => onFailure(new Error(`the worker ended with code ${code}`)));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: (isHeld) => (isHeld ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
};
