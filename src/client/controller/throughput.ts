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
const SAMPLE_MS = Number((globalThis as any).process?.env?.SAMPLE_MS ?? 40);
const SAMPLE_MIN_MS = 5;
const SAMPLE_BYTES = 131_072;
/** Quantiles are taken over means of so much busy time. */
const E = (name: string, value: number) => Number((globalThis as any).process?.env?.[name] ?? value);
const SPAN_SHARE = E('SPAN_SHARE', 0.5);
const SPAN_MIN_MS = E('SPAN_MIN', 100);
const SPAN_MAX_MS = E('SPAN_MAX', 600);
const MEMORY_SHARE = E('MEM_SHARE', 0.4);
const MEMORY_MIN_MS = E('MEM_MIN', 150);
const MEMORY_MAX_MS = E('MEM_MAX', 800);
const LOWMEAN = E('LOWMEAN', 0.6);
const MIDMEAN = E('MIDMEAN', 1);
const OPEN_MIN_MS = E('OPEN_MIN', 15);
const GROW_LOW = E('GROW_LOW', 2);
const GROW_MID = E('GROW_MID', 4);
const GROW_HIGH = E('GROW_HIGH', 8);
const HIGH_HOPE = E('HIGH_HOPE', 4);
/** A sample counts half after so much busy time. */
/** Busy time that is remembered. */
const WINDOW_MS = 3_000;
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
const LOW_QUANTILE = E('LOWQ', 0.25);
const MIDDLE_QUANTILE = E('MIDQ', 0.5);
const HIGH_QUANTILE = E('HIGHQ', 1);
const clamp = (x: number, a: number, b: number) => Math.max(a, Math.min(b, x));
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

  /** What the mean throughput over the next `horizonMs` may be. */
  over(horizonMs: number): Rate {
    if (this.#startsUp) return this.#growing(horizonMs);
    const spanMs = clamp(SPAN_SHARE * horizonMs, SPAN_MIN_MS, SPAN_MAX_MS);
    const halfLifeMs = clamp(MEMORY_SHARE * horizonMs, MEMORY_MIN_MS, MEMORY_MAX_MS);
    const measured = [...this.#samples];
    if (this.#openMs >= OPEN_MIN_MS)
      measured.push({ bytesPerMs: this.#openBytes / this.#openMs, durationMs: this.#openMs });
    const samples = recentFirst(spans(measured, spanMs), halfLifeMs);
    const guessMs = Math.max(PRIOR_MS, PRIOR_TRIPS * this.#roundTripMs) - this.#measuredMs;
    if (this.#prior !== null && guessMs > 0) {
      for (const share of PRIOR_SHARES)
        samples.push({ bytesPerMs: share * this.#prior, durationMs: guessMs / PRIOR_SHARES.length });
    }
    if (samples.length === 0) return this.#growing(horizonMs);
    samples.sort((a, b) => a.bytesPerMs - b.bytesPerMs);
    const mean = meanOf(recentFirst(measured, halfLifeMs));
    return {
      low: Math.max(FLOOR_BYTES_PER_MS, LOWMEAN * mean, quantile(samples, LOW_QUANTILE)),
      middle: Math.max(FLOOR_BYTES_PER_MS, MIDMEAN * mean, quantile(samples, MIDDLE_QUANTILE)),
      high: Math.max(FLOOR_BYTES_PER_MS, quantile(samples, HIGH_QUANTILE)),
      lastChunk: this.#lastChunk,
      known: this.#prior !== null || this.#measuredMs >= KNOWN_MS,
    };
  }

  /** During slow start: what the round trips to come bring if each doubles up to a limit that is a guess. */
  #growing(horizonMs: number): Rate {
    const trip = this.#tripMs >= SAMPLE_MIN_MS ? this.#tripBytes / this.#tripMs : 0;
    const now = Math.max(this.#lastTripBytesPerMs, trip);
    const known = this.#prior !== null;
    if (now === 0 && this.#prior === null)
      return {
        low: CAUTIOUS_BYTES_PER_MS,
        middle: HOPED_BYTES_PER_MS,
        high: HIGH_HOPE * HOPED_BYTES_PER_MS,
        lastChunk: this.#lastChunk,
        known,
      };
    const caps =
      this.#prior === null
        ? [GROW_LOW * now, Math.max(GROW_MID * now, HOPED_BYTES_PER_MS), Math.max(GROW_HIGH * now, HIGH_HOPE * HOPED_BYTES_PER_MS)]
        : PRIOR_SHARES.map((share) => Math.max(now, share * this.#prior!));
    const [low, middle, high] = caps.map((cap) =>
      Math.max(FLOOR_BYTES_PER_MS, this.#meanGrowth(now, cap, horizonMs)),
    );
    return { low: low!, middle: middle!, high: high!, lastChunk: this.#lastChunk, known };
  }

  #meanGrowth(now: number, cap: number, horizonMs: number): number {
    if (now === 0) return cap;
    const horizon = Math.max(horizonMs, SAMPLE_MIN_MS);
    let rate = now;
    let bytes = 0;
    let leftMs = horizon;
    let untilMs = Math.max(SAMPLE_MIN_MS, this.#roundTripMs - this.#tripMs);
    while (rate < cap && leftMs > untilMs) {
      bytes += rate * untilMs;
      leftMs -= untilMs;
      untilMs = Math.max(SAMPLE_MIN_MS, this.#roundTripMs);
      rate *= 2;
    }
    return (bytes + Math.min(rate, cap) * leftMs) / horizon;
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
function spans(samples: readonly Sample[], spanMs: number): Sample[] {
  return samples.map(({ durationMs }, end) => {
    let bytes = 0;
    let ms = 0;
    for (let i = end; i >= 0 && ms < spanMs; i--) {
      ms += samples[i]!.durationMs;
      bytes += samples[i]!.bytesPerMs * samples[i]!.durationMs;
    }
    return { bytesPerMs: bytes / ms, durationMs };
  });
}

/** Gives older samples less weight. */
function recentFirst(samples: readonly Sample[], halfLifeMs: number): Sample[] {
  let ageMs = 0;
  const weighted: Sample[] = [];
  for (const { bytesPerMs, durationMs } of samples.toReversed()) {
    weighted.push({ bytesPerMs, durationMs: durationMs * 0.5 ** (ageMs / halfLifeMs) });
    ageMs += durationMs;
  }
  return weighted;
}

function meanOf(samples: readonly Sample[]): number {
  let bytes = 0;
  let ms = 0;
  for (const { bytesPerMs, durationMs } of samples) {
    bytes += bytesPerMs * durationMs;
    ms += durationMs;
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
