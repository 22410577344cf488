import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { consumeKeys } from './jobs/queue.ts';

export { ContextJob } from './jobs/context-job.ts';
export { Dispatcher } from './jobs/dispatcher.ts';
export { MetricsHub } from './metrics/hub.ts';

export default {
  fetch: createApp().fetch,
  queue: consumeKeys,
} satisfies ExportedHandler<Env, unknown>;
