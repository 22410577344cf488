import type { Env } from '../env.ts';
import { errorFields, writeLog } from '../log.ts';
import { metricsHub } from './hub.ts';
import { Tally } from './tally.ts';

const DEFAULT_FLUSH_MS = 5_000;
/** After this long a flush that was promised is not coming: the platform ends background work 30 s after the answer. */
const FLUSH_LOST_MS = 30_000;

/** The counts of this isolate that the hub does not have yet: numbers only, nothing of a request. */
const tally = new Tally();
/** Until then another request has promised to flush. */
let promisedUntilMs = 0;

/**
 * Counts something. The first request to do so after a flush stays, once it is answered, for the next one: so an isolate
 * sends at most one message per interval, and nothing waits for a request that may never come.
 */
export function record(
  env: Env,
  waitUntil: (work: Promise<void>) => void,
  count: (tally: Tally) => void,
): void {
  if (env.METRICS === undefined) return;
  count(tally);
  const nowMs = Date.now();
  if (nowMs < promisedUntilMs) return;
  promisedUntilMs = nowMs + FLUSH_LOST_MS;
  waitUntil(flushLater(env));
}

async function flushLater(env: Env): Promise<void> {
  await scheduler.wait(env.METRICS_FLUSH_MS === undefined ? DEFAULT_FLUSH_MS : Number(env.METRICS_FLUSH_MS));
  promisedUntilMs = 0;
  const counts = tally.take();
  try {
    await metricsHub(env).add(counts);
  } catch (error) {
    tally.merge(counts);
    writeLog('warn', 'metrics not flushed', errorFields(error));
  }
}
