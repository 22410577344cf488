import type { Rate } from './model.ts';
import { StartUp } from './start-up.ts';

export interface ThroughputOptions {
  /** Bytes per millisecond of this link from the last session or the edge's hint; absent if nothing is known. */
  priorBytesPerMs?: number;
  roundTripMs: number;
}

interface Sample {
  bytesPerMs: number;
  durationMs: number;
}

/** A sample is closed when it covers this much busy time, or earlier with so many bytes. */
const SAMPLE_MS = 40;
const SAMPLE_MIN_MS = 5;
const SAMPLE_BYTES = 131_072;
/** The sample that is still open counts from here. */
const OPEN_MIN_MS = 15;
/** Busy time that is remembered. */
const WINDOW_MS = 3_000;
/** Nothing is predicted for less time than this. */
const HORIZON_MIN_MS = 100;
/** Quantiles are taken over means of this share of the horizon, within these limits: bursts even out over a longer time. */
const SPAN = { share: 0.5, minMs: 100, maxMs: 600 };
/** A sample counts half after this share of the horizon in busy time, within these limits. */
const HALF_LIFE = { share: 0.4, minMs: 150, maxMs: 800 };
const LOW_QUANTILE = 0.25;
/**
 * A link that is on and off brings more than its low quantile, which is off: at least this share of the mean, in which the
 * fastest moments of this length in all do not count: they may have been one burst.
 */
const LOW_OF_MEAN = 0.6;
const BURST_MS = 30;
/** A prior counts as so much busy time, or as round trips, until that much has been measured. */
const PRIOR_MS = 200;
const PRIOR_TRIPS = 2;
/** Links change between sessions: the prior is taken as anything between these shares of it. */
const PRIOR_SHARES = [0.4, 0.7, 1] as const;
/** Before anything arrived and without a prior: 2 Mbit/s is counted on, 50 Mbit/s as likely as not, 200 Mbit/s hoped for. */
const CAUTIOUS_BYTES_PER_MS = 250;
const LIKELY_BYTES_PER_MS = 6_250;
const HOPED_BYTES_PER_MS = 25_000;
/** Slow start without a prior: the link is counted on for this multiple of what it has shown, and hoped to reach the others. */
const START_UP_MULTIPLES = { low: 2, middle: 4, high: 8 };
const KNOWN_MS = 150;
/** 8 kbit/s; keeps every prediction finite when nothing arrives. */
const FLOOR_BYTES_PER_MS = 1;

/**
 * Throughput from what arrived while something was on its way, for a horizon: the mean over the time left varies less than a
 * moment does, so a longer horizon looks further back and at longer spans.
 *
 * Quantiles over short samples beside a mean: one burst (a full buffer let go, a cache's first bytes) does not raise the low
 * rate much, and a stall lowers it before the chunk that stalls is complete.
 */
export class Throughput {
  readonly #prior: number | null;
  readonly #roundTripMs: number;
  readonly #startUp: StartUp;
  readonly #samples: Sample[] = [];
  #rememberedMs = 0;
  #openBytes = 0;
  #openMs = 0;
  #measuredMs = 0;
  #lastChunk: number | null;

  constructor({ priorBytesPerMs, roundTripMs }: ThroughputOptions) {
    this.#prior = priorBytesPerMs ?? null;
    this.#roundTripMs = roundTripMs;
    this.#startUp = new StartUp(roundTripMs);
    this.#lastChunk = this.#prior;
  }

  /** `bytes` arrived within `busyMs` in which the link had something to send to us. */
  observe(bytes: number, busyMs: number): void {
    this.#openBytes += bytes;
    this.#openMs += busyMs;
    if (this.#startUp.observe(bytes, busyMs)) {
      this.#samples.length = 0;
      this.#rememberedMs = 0;
    }
    if (this.#openMs < SAMPLE_MS && !(this.#openBytes >= SAMPLE_BYTES && this.#openMs >= SAMPLE_MIN_MS))
      return;
    this.#samples.push({ bytesPerMs: this.#openBytes / this.#openMs, durationMs: this.#openMs });
    this.#measuredMs += this.#openMs;
    this.#rememberedMs += this.#openMs;
    this.#openBytes = 0;
    this.#openMs = 0;
    while (this.#samples.length > 1 && this.#rememberedMs > WINDOW_MS)
      this.#rememberedMs -= this.#samples.shift()!.durationMs;
  }

  /** A whole chunk took `busyMs`. */
  observeChunk(bytes: number, busyMs: number): void {
    if (busyMs > 0) this.#lastChunk = bytes / busyMs;
  }

  /** What the mean throughput of the next `horizonMs` may be. */
  over(horizonMs: number): Rate {
    const aheadMs = Math.max(HORIZON_MIN_MS, horizonMs);
    const { low, middle, high } = this.#measured(aheadMs) ?? this.#growing(aheadMs);
    return {
      low: Math.max(FLOOR_BYTES_PER_MS, low),
      middle: Math.max(FLOOR_BYTES_PER_MS, middle),
      high: Math.max(FLOOR_BYTES_PER_MS, high),
      lastChunk: this.#lastChunk,
      known: this.#prior !== null || (this.#measuredMs >= KNOWN_MS && !this.#startUp.isGrowing),
    };
  }

  #measured(horizonMs: number): Expected | null {
    if (this.#startUp.isGrowing) return null;
    const samples = [...this.#samples];
    if (this.#openMs >= OPEN_MIN_MS)
      samples.push({ bytesPerMs: this.#openBytes / this.#openMs, durationMs: this.#openMs });
    const halfLifeMs = within(HALF_LIFE, horizonMs);
    const means = spans(samples, within(SPAN, horizonMs));
    const weights = weightsByAge(samples, halfLifeMs);
    const weighted = means.map((bytesPerMs, i) => ({ bytesPerMs, durationMs: weights[i]! }));
    const mean = weightedMean(samples, weights, 0);
    const guessMs = Math.max(PRIOR_MS, PRIOR_TRIPS * this.#roundTripMs) - this.#measuredMs;
    if (this.#prior !== null && guessMs > 0) {
      for (const share of PRIOR_SHARES)
        weighted.push({ bytesPerMs: share * this.#prior, durationMs: guessMs / PRIOR_SHARES.length });
    }
    if (weighted.length === 0) return null;
    weighted.sort((a, b) => a.bytesPerMs - b.bytesPerMs);
    return {
      low: Math.max(LOW_OF_MEAN * weightedMean(samples, weights, BURST_MS), quantile(weighted, LOW_QUANTILE)),
      middle: Math.max(mean, quantile(weighted, 0.5)),
      high: Math.max(mean, weighted.at(-1)!.bytesPerMs),
    };
  }

  /** Before there are samples and during slow start: what the round trips to come bring, up to a limit that is a guess. */
  #growing(horizonMs: number): Expected {
    const now = this.#startUp.bytesPerMs;
    const upTo = (limit: number) => this.#startUp.meanOver(horizonMs, Math.max(now, limit));
    if (this.#prior !== null) {
      const [low, middle, high] = PRIOR_SHARES;
      return {
        low: upTo(low * this.#prior),
        middle: upTo(middle * this.#prior),
        high: upTo(high * this.#prior),
      };
    }
    const { low, middle, high } = START_UP_MULTIPLES;
    return {
      low: upTo(now === 0 ? CAUTIOUS_BYTES_PER_MS : low * now),
      middle: upTo(Math.max(LIKELY_BYTES_PER_MS, middle * now)),
      high: upTo(Math.max(HOPED_BYTES_PER_MS, high * now)),
    };
  }
}

type Expected = Pick<Rate, 'low' | 'middle' | 'high'>;

function within({ share, minMs, maxMs }: typeof SPAN, horizonMs: number): number {
  return Math.max(minMs, Math.min(maxMs, share * horizonMs));
}

/** The mean over `spanMs` up to the end of every sample. */
function spans(samples: readonly Sample[], spanMs: number): number[] {
  return samples.map((_, end) => {
    let bytes = 0;
    let ms = 0;
    for (let i = end; i >= 0 && ms < spanMs; i--) {
      ms += samples[i]!.durationMs;
      bytes += samples[i]!.bytesPerMs * samples[i]!.durationMs;
    }
    return bytes / ms;
  });
}

/** Durations, those of older samples with less weight. */
function weightsByAge(samples: readonly Sample[], halfLifeMs: number): number[] {
  const weights = new Array<number>(samples.length);
  let ageMs = 0;
  for (let i = samples.length - 1; i >= 0; i--) {
    weights[i] = samples[i]!.durationMs * 0.5 ** (ageMs / halfLifeMs);
    ageMs += samples[i]!.durationMs;
  }
  return weights;
}

/** The samples' mean under those weights, without the fastest `withoutMs` of them; 0 if nothing is left. */
function weightedMean(samples: readonly Sample[], weights: readonly number[], withoutMs: number): number {
  let bytes = 0;
  let ms = 0;
  let left = withoutMs;
  const fastestFirst = samples
    .map(({ bytesPerMs }, i) => ({ bytesPerMs, weightMs: weights[i]! }))
    .sort((a, b) => b.bytesPerMs - a.bytesPerMs);
  for (const { bytesPerMs, weightMs } of fastestFirst) {
    const skipped = Math.min(left, weightMs);
    left -= skipped;
    bytes += bytesPerMs * (weightMs - skipped);
    ms += weightMs - skipped;
  }
  return ms === 0 ? 0 : bytes / ms;
}

/** By duration, of samples in rising order. */
function quantile(sorted: readonly Sample[], share: number): number {
  const total = sorted.reduce((sum, sample) => sum + sample.durationMs, 0);
  let covered = 0;
  for (const sample of sorted) {
    covered += sample.durationMs;
    if (covered >= share * total) return sample.bytesPerMs;
  }
  return sorted.at(-1)!.bytesPerMs;
}
