import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { type Counts, seriesKey } from './tally.ts';

/** Most series kept. All labels have few values but level names, which publishers choose. */
const MAX_SERIES = 2_000;
const COUNTS_KEY = 'counts';
const SINCE_KEY = 'since';
const DROPPED = seriesKey('kvedge_series_dropped_total', {});

export interface HubReading {
  counts: Counts;
  /** When counting began, in milliseconds since 1970. */
  sinceMs: number;
}

/** The one object that adds up what all isolates count. Every flush is one row written. */
export class MetricsHub extends DurableObject<Env> {
  #counts: Counts = {};
  #sinceMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#counts = (await ctx.storage.get<Counts>(COUNTS_KEY)) ?? {};
      const known = await ctx.storage.get<number>(SINCE_KEY);
      this.#sinceMs = known ?? Date.now();
      if (known === undefined) await ctx.storage.put(SINCE_KEY, this.#sinceMs);
    });
  }

  async add(added: Counts): Promise<void> {
    const counts = this.#counts;
    let series = Object.keys(counts).length;
    for (const [key, by] of Object.entries(added)) {
      const known = counts[key];
      if (known !== undefined) counts[key] = known + by;
      else if (series < MAX_SERIES) {
        counts[key] = by;
        series += 1;
      } else counts[DROPPED] = (counts[DROPPED] ?? 0) + 1;
    }
    await this.ctx.storage.put(COUNTS_KEY, counts);
  }

  async read(): Promise<HubReading> {
    return { counts: this.#counts, sinceMs: this.#sinceMs };
  }
}

/** The hub, as another part of the Worker calls it. Throws if the binding is missing. */
export function metricsHub(env: Pick<Env, 'METRICS'>): DurableObjectStub<MetricsHub> {
  if (env.METRICS === undefined) throw new Error('the binding METRICS is not set');
  return env.METRICS.get(env.METRICS.idFromName('all'));
}
