import {
  type CounterName,
  DURATION_BUCKETS_SECONDS,
  FAMILIES,
  type FamilyName,
  type HistogramName,
  type Labels,
} from './families.ts';

/**
 * What was added, by series. A key is the family and the values of its labels, one a line; a histogram has one series for each
 * bucket, its last line being the bucket's index, and one for the sum, `SUM`.
 */
export type Counts = Record<string, number>;

export const SUM = 'sum';
export const KEY_SEPARATOR = '\n';

/** Counts between two flushes. */
export class Tally {
  #counts = new Map<string, number>();

  add<N extends CounterName>(name: N, labels: Labels<N>, by = 1): void {
    this.#add(seriesKey(name, labels), by);
  }

  /** Adds an observation, in seconds. */
  observe<N extends HistogramName>(name: N, labels: Labels<N>, seconds: number): void {
    const found = DURATION_BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? DURATION_BUCKETS_SECONDS.length : found;
    this.#add(seriesKey(name, labels, String(bucket)), 1);
    this.#add(seriesKey(name, labels, SUM), seconds);
  }

  merge(counts: Counts): void {
    for (const [key, by] of Object.entries(counts)) this.#add(key, by);
  }

  /** Everything counted so far; the tally is empty afterwards. */
  take(): Counts {
    const counts = Object.fromEntries(this.#counts);
    this.#counts = new Map();
    return counts;
  }

  #add(key: string, by: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + by);
  }
}

/** Made for every count of every request, so by plain concatenation. No label's value has a line break. */
export function seriesKey<N extends FamilyName>(name: N, labels: Labels<N>, part?: string): string {
  let key: string = name;
  for (const label of FAMILIES[name].labels) {
    key += KEY_SEPARATOR + (labels as Record<string, string>)[label];
  }
  return part === undefined ? key : key + KEY_SEPARATOR + part;
}
