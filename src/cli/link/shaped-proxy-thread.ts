import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type ShapedLink, type ShapedProxy, startShapedProxy } from './shaped-proxy.ts';

interface Task {
  target: { host: string; port: number };
  link: ShapedLink;
}

/** `startShapedProxy` in a thread of its own, so that decoding here does not slow the link. */
export async function startShapedProxyThread(target: Task['target'], link: ShapedLink): Promise<ShapedProxy> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { target, link } satisfies Task });
  const [port] = (await once(worker, 'message')) as [number];
  return {
    port,
    async close() {
      await worker.terminate();
    },
  };
}

if (parentPort !== null && (workerData as Task | null)?.link !== undefined) {
  const { target, link } = workerData as Task;
  const { port } = await startShapedProxy(target, link);
  parentPort.postMessage(port);
}
