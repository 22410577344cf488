import { seededRandom } from '../../test/codec/support/random.ts';

/** A link as its receiver sees it: a rate that holds from `atMs[i]` to `atMs[i + 1]`; it starts again after `lengthMs`. */
export interface Trace {
  roundTripMs: number;
  /** Long-term rate that a user would name. */
  nominalBytesPerMs: number;
  atMs: number[];
  bytesPerMs: number[];
  lengthMs: number;
}

export const FAMILIES = ['constant', 'step', 'lte', 'wifi', 'satellite'] as const;
export type Family = (typeof FAMILIES)[number];

const LENGTH_MS = 60_000;
const BYTES_PER_MS_OF_MBIT = 125;

/** Draws from a seed, the same on every run. */
export class Draw {
  readonly unit: () => number;

  constructor(seed: number) {
    this.unit = seededRandom(seed);
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.unit();
  }

  /** Every factor as likely as its inverse. */
  logBetween(min: number, max: number): number {
    return min * (max / min) ** this.unit();
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.unit())) * Math.cos(2 * Math.PI * this.unit());
  }
}

type Pieces = Generator<[durationMs: number, shareOfNominal: number], void, void>;

/** A trace of a family; the seed is all there is to it. */
export function makeTrace(family: Family, seed: number): Trace {
  const draw = new Draw(seed);
  const { mbit, roundTripMs, pieces } = SHAPES[family];
  const nominalBytesPerMs = draw.logBetween(...mbit) * BYTES_PER_MS_OF_MBIT;
  const trace: Trace = {
    roundTripMs: draw.logBetween(...roundTripMs),
    nominalBytesPerMs,
    atMs: [],
    bytesPerMs: [],
    lengthMs: LENGTH_MS,
  };
  let atMs = 0;
  for (const [durationMs, share] of pieces(draw)) {
    trace.atMs.push(atMs);
    trace.bytesPerMs.push(share * nominalBytesPerMs);
    atMs += Math.max(1, durationMs);
    if (atMs >= LENGTH_MS) return trace;
  }
  throw new Error(`the ${family} generator ended early`);
}

/** Index of the piece at a time within the trace's length. */
export function pieceAt(trace: Trace, timeMs: number): number {
  const inside = timeMs % trace.lengthMs;
  let low = 0;
  let high = trace.atMs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (trace.atMs[middle]! <= inside) low = middle;
    else high = middle - 1;
  }
  return low;
}

const SHAPES: Record<
  Family,
  { mbit: [number, number]; roundTripMs: [number, number]; pieces: (draw: Draw) => Pieces }
> = {
  constant: {
    mbit: [5, 500],
    roundTripMs: [5, 80],
    *pieces() {
      for (;;) yield [LENGTH_MS, 1];
    },
  },
  /** Another load on the same line begins or ends. */
  step: {
    mbit: [10, 500],
    roundTripMs: [5, 80],
    *pieces(draw) {
      for (let share = 1; ; share = draw.logBetween(0.25, 1.6)) yield [draw.exponential(1_500), share];
    },
  },
  /** Mahimahi-like cellular: a random walk over modulation states, a fade now and then, scheduling jitter. */
  lte: {
    mbit: [5, 80],
    roundTripMs: [30, 90],
    *pieces(draw) {
      const shares = [0.08, 0.2, 0.4, 0.7, 1, 1.4, 1.9];
      let state = 4;
      for (;;) {
        const turn = draw.unit();
        if (turn < 0.04) state = 0;
        else if (turn < 0.36) state = Math.max(0, state - 1);
        else if (turn < 0.72) state = Math.min(shares.length - 1, state + 1);
        for (let left = draw.exponential(300); left > 0; left -= 50)
          yield [Math.min(50, left), shares[state]! * draw.logBetween(0.7, 1.4)];
      }
    },
  },
  /** Gilbert-Elliott: bursts of loss in which next to nothing passes, contention jitter in between. */
  wifi: {
    mbit: [40, 500],
    roundTripMs: [3, 20],
    *pieces(draw) {
      for (;;) {
        for (let left = draw.exponential(350); left > 0; left -= 20)
          yield [Math.min(20, left), draw.between(0.7, 1.5)];
        yield [draw.exponential(100), draw.between(0, 0.1)];
      }
    },
  },
  /** Geostationary: long round trips, slow fades, outages of up to a second or two. */
  satellite: {
    mbit: [10, 100],
    roundTripMs: [500, 650],
    *pieces(draw) {
      for (let phase = draw.between(0, 2 * Math.PI); ; ) {
        for (let left = draw.exponential(8_000); left > 0; left -= 200) {
          phase += 0.05;
          yield [Math.min(200, left), (1 + 0.35 * Math.sin(phase)) * draw.logBetween(0.85, 1.2)];
        }
        yield [draw.between(200, 1_500), 0.01];
      }
    },
  },
};
