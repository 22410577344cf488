import type { Env } from '../env.ts';
import { metricsHub } from '../metrics/hub.ts';
import { Tally } from '../metrics/tally.ts';

/** Binding of wrangler.tail.toml. */
type TailEnv = Pick<Env, 'METRICS'>;

/**
 * A Tail Worker (wrangler.tail.toml): a Worker cannot see its own CPU time, the platform tells it afterwards to the Worker that
 * tails it. It keeps the times and outcomes, and nothing else of what it is told.
 */
export default {
  async tail(events, env) {
    const tally = new Tally();
    for (const { outcome, cpuTime } of events) {
      tally.observe('kvedge_cpu_seconds', { outcome }, cpuTime / 1000);
    }
    await metricsHub(env).add(tally.take());
  },
} satisfies ExportedHandler<TailEnv>;
