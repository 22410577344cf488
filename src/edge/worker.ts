import { createApp } from './app.ts';
import type { Env } from './env.ts';
import { sweep } from './sweep/index.ts';

const app = createApp();

export default {
  fetch: app.fetch,
  /** The cron trigger of wrangler.toml. */
  async scheduled(_controller, env) {
    const report = await sweep(env);
    if (Object.values(report).some((count) => count > 0)) console.log('sweep', JSON.stringify(report));
  },
} satisfies ExportedHandler<Env>;
