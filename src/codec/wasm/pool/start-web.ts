import type { StartWorker } from './pool.ts';

/** A Web Worker; its script lies beside the built library, and bundlers know this way to name it. */
export const startWebWorker: StartWorker = ({ onMessage, onFailure }) => {
  const worker = new Worker(new URL('./decode-worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => onMessage(data);
  worker.onerror = ({ message }) => onFailure(new Error(message || 'the worker did not start'));
  worker.onmessageerror = () => onFailure(new Error('a message could not be read'));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    hold: () => {}, // a page lives as long as its tab
    terminate: () => worker.terminate(),
  };
};
