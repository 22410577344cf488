/** A worker of the pool in Node. */
import { parentPort } from 'node:worker_threads';
import { serve } from './serve.ts';

parentPort?.on(
  'message',
  serve((message, transfer) => parentPort?.postMessage(message, transfer)),
);
