import type { Rate } from './model.ts';

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
const SAMPLE_MS = 60;
const SAMPLE_MIN_MS = 5;
const SAMPLE_BYTES = 131_072;
/** Quantiles are taken over means of so much busy time. */
const SPAN_MS = 300;
/** A sample counts half after so much busy time. */
const HALF_LIFE_MS = 400;
/** Busy time that is remembered. */
const WINDOW_MS = 2_000;
/** A prior counts as so much busy time, or as round trips, until that much has been measured. */
const PRIOR_MS = 200;
const PRIOR_TRIPS = 2;
/** Links change between sessions: the prior is taken as anything between these shares of it. */
const PRIOR_SHARES = [0.4, 0.7, 1];
/** Without a prior: 2 Mbit/s is what is counted on, 50 Mbit/s what is hoped for. */
const CAUTIOUS_BYTES_PER_MS = 250;
const HOPED_BYTES_PER_MS = 6_250;
/**
 * A connection starts slowly: its window doubles with every round trip. As long as each trip brought this much more than
 * the one before, and no longer than so many trips, only the last one counts.
 */
const START_UP_GROWTH = 1.4;
const START_UP_MAX_TRIPS = 12;
const KNOWN_MS = 150;
const LOW_QUANTILE = 0.25;
/** 8 kbit/s; keeps every prediction finite when nothing arrives. */
const FLOOR_BYTES_PER_MS = 1;

/**
 * Throughput from what arrived while something was on its way.
 *
 * Quantiles over short samples instead of a mean: one burst (a full buffer let go, a cache's first bytes) does not raise the
 * estimate, and a stall lowers it before the chunk that stalls is complete.
 */
export class Throughput {
  readonly #prior: number | null;
  readonly #roundTripMs: number;
  readonly #samples: Sample[] = [];
  #openBytes = 0;
  #openMs = 0;
  #measuredMs = 0;
  #startsUp = true;
  /** Of the current and the last round trip of start-up. */
  #tripMs = 0;
  #tripBytes = 0;
  #lastTripBytesPerMs = 0;
  #lastChunk: number | null;

  constructor({ priorBytesPerMs, roundTripMs }: ThroughputOptions) {
    this.#prior = priorBytesPerMs ?? null;
    this.#roundTripMs = roundTripMs;
    this.#lastChunk = this.#prior;
  }

  /** `bytes` arrived within `busyMs` in which the link had something to send to us. */
  observe(bytes: number, busyMs: number): void {
    this.#openBytes += bytes;
    this.#openMs += busyMs;
    if (this.#startsUp) this.#followStartUp(bytes, busyMs);
    if (this.#openMs < SAMPLE_MS && !(this.#openBytes >= SAMPLE_BYTES && this.#openMs >= SAMPLE_MIN_MS))
      return;
    this.#samples.push({ bytesPerMs: this.#openBytes / this.#openMs, durationMs: this.#openMs });
    this.#measuredMs += this.#openMs;
    this.#openBytes = 0;
    this.#openMs = 0;
    let remembered = this.#samples.reduce((sum, sample) => sum + sample.durationMs, 0);
    while (this.#samples.length > 1 && remembered > WINDOW_MS)
      remembered -= this.#samples.shift()!.durationMs;
  }

  /** A whole chunk took `busyMs`. */
  observeChunk(bytes: number, busyMs: number): void {
    if (busyMs > 0) this.#lastChunk = bytes / busyMs;
  }

  get rate(): Rate {
    const measured = [...this.#samples];
    if (this.#openMs >= SAMPLE_MS / 2)
      measured.push({ bytesPerMs: this.#openBytes / this.#openMs, durationMs: this.#openMs });
    const samples = recentFirst(spans(measured));
    const guessMs = Math.max(PRIOR_MS, PRIOR_TRIPS * this.#roundTripMs) - this.#measuredMs;
    if (this.#prior !== null && guessMs > 0) {
      for (const share of PRIOR_SHARES)
        samples.push({ bytesPerMs: share * this.#prior, durationMs: guessMs / PRIOR_SHARES.length });
    }
    const known = this.#prior !== null || (this.#measuredMs >= KNOWN_MS && !this.#startsUp);
    if (samples.length === 0 || (this.#startsUp && this.#prior === null && this.#lastTripBytesPerMs === 0))
      return { low: CAUTIOUS_BYTES_PER_MS, middle: HOPED_BYTES_PER_MS, lastChunk: this.#lastChunk, known };
    samples.sort((a, b) => a.bytesPerMs - b.bytesPerMs);
    const growing = this.#startsUp ? this.#lastTripBytesPerMs * START_UP_GROWTH : 0;
    return {
      low: Math.max(FLOOR_BYTES_PER_MS, quantile(samples, LOW_QUANTILE)),
      middle: Math.max(FLOOR_BYTES_PER_MS, growing, quantile(samples, 0.5)),
      lastChunk: this.#lastChunk,
      known,
    };
  }

  /** Forgets what came before the last round trip, until trips no longer grow. */
  #followStartUp(bytes: number, busyMs: number): void {
    this.#tripMs += busyMs;
    this.#tripBytes += bytes;
    if (this.#tripMs < Math.max(this.#roundTripMs, SAMPLE_MIN_MS)) return;
    const bytesPerMs = this.#tripBytes / this.#tripMs;
    this.#startsUp =
      bytesPerMs > START_UP_GROWTH * this.#lastTripBytesPerMs &&
      this.#measuredMs < START_UP_MAX_TRIPS * this.#roundTripMs;
    if (this.#startsUp) this.#samples.length = 0;
    this.#lastTripBytesPerMs = bytesPerMs;
    this.#tripMs = 0;
    this.#tripBytes = 0;
  }
}

/** The mean over `SPAN_MS` up to the end of every sample: what a plan for a whole chunk or more can expect. */
function spans(samples: readonly Sample[]): Sample[] {
  return samples.map(({ durationMs }, end) => {
    let bytes = 0;
    let ms = 0;
    for (let i = end; i >= 0 && ms < SPAN_MS; i--) {
      ms += samples[i]!.durationMs;
      bytes += samples[i]!.bytesPerMs * samples[i]!.durationMs;
    }
    return { bytesPerMs: bytes / ms, durationMs };
  });
}

/** Gives older samples less weight. */
function recentFirst(samples: readonly Sample[]): Sample[] {
  let ageMs = 0;
  const weighted: Sample[] = [];
  for (const { bytesPerMs, durationMs } of samples.toReversed()) {
    weighted.push({ bytesPerMs, durationMs: durationMs * 0.5 ** (ageMs / HALF_LIFE_MS) });
    ageMs += durationMs;
  }
  return weighted;
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
