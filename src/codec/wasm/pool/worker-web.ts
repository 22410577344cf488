/** A worker of the pool in a browser. */
import type { ToWorker } from './messages.ts';
import { serve } from './serve.ts';

const handle = serve((message, transfer) => self.postMessage(message, { transfer }));
addEventListener('message', ({ data }: MessageEvent<ToWorker>) => handle(data));
