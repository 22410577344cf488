import { createEdge } from './app.ts';
import type { Env } from './env.ts';
import { consumeKeys } from './jobs/queue.ts';
import { writeLog } from './log.ts';
import { sweep } from './sweep/index.ts';

export { ContextJob } from './jobs/context-job.ts';
export { Dispatcher } from './jobs/dispatcher.ts';
export { MetricsHub } from './metrics/hub.ts';

export default {
  fetch: createEdge().fetch,
  queue: consumeKeys,
  /** The cron trigger of wrangler.toml. */
  async scheduled(_controller, env) {
    const report = await sweep(env);
    if (Object.values(report).some((count) => count > 0)) writeLog('info', 'sweep', { ...report });
  },
} satisfies ExportedHandler<Env, unknown>;
