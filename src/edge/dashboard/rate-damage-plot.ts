import type { LevelSummary } from './level-summary.ts';

export interface PlotArea {
  /** Where the axis begins and ends. */
  x: [number, number];
  y: [number, number];
}

export interface Tick {
  value: number;
  at: number;
}

export interface Plot {
  points: { name: string; x: number; y: number }[];
  bytesTicks: Tick[];
  kldTicks: Tick[];
}

interface Axis {
  least: number;
  most: number;
  at(value: number): number;
}

const MAX_TICKS = 7;
/** Factors by which the axes go on beyond the values, on both sides; labels need the room. */
const BYTES_PADDING = 1.3;
const KLD_PADDING = 2.5;
/** Where a KLD of 0 is drawn, below the smallest other one: a logarithm has no place for it. */
const ZERO_BELOW = 10;

/** Places the levels of a context on two logarithmic axes. */
export function plotOf(levels: readonly LevelSummary[], area: PlotArea): Plot {
  const klds = levels.map(({ predictedKld }) => predictedKld);
  const positive = klds.filter((kld) => kld > 0);
  const least = positive.length === 0 ? 1 : Math.min(...positive);
  const floor = positive.length < klds.length ? least / ZERO_BELOW : least;
  const bytesAxis = logAxis(
    levels.map(({ bytes }) => bytes),
    area.x,
    BYTES_PADDING,
  );
  const kldAxis = logAxis([floor, ...positive], area.y, KLD_PADDING);
  return {
    points: levels.map(({ name, bytes, predictedKld }) => ({
      name,
      x: bytesAxis.at(bytes),
      y: kldAxis.at(Math.max(predictedKld, floor)),
    })),
    bytesTicks: ticksOf(bytesAxis),
    kldTicks: ticksOf(kldAxis),
  };
}

function logAxis(values: readonly number[], [from, to]: [number, number], padding: number): Axis {
  const least = Math.min(...values) / padding;
  const most = Math.max(...values) * padding;
  const scale = (to - from) / Math.log(most / least);
  return { least, most, at: (value) => Math.round(10 * (from + scale * Math.log(value / least))) / 10 };
}

/** Ticks at the finest of three steps that does not give too many: 1, 2, 5 of each decade, its start, every second start. */
function ticksOf(axis: Axis): Tick[] {
  for (const [digits, decades] of [
    [[1, 2, 5], 1],
    [[1], 1],
    [[1], 2],
  ] as const) {
    const values = valuesBetween(axis, digits, decades);
    if (values.length <= MAX_TICKS) return values.map((value) => ({ value, at: axis.at(value) }));
  }
  return [];
}

function valuesBetween({ least, most }: Axis, digits: readonly number[], decades: number): number[] {
  const values: number[] = [];
  const first = Math.floor(Math.log10(least) / decades) * decades;
  for (let exponent = first; 10 ** exponent <= most; exponent += decades) {
    for (const digit of digits) {
      const value = Number(`${digit}e${exponent}`);
      if (value >= least && value <= most) values.push(value);
    }
  }
  return values;
}
