import { scaleLog } from 'd3-scale';
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

const MAX_TICKS = 6;
/** Where a KLD of 0 is drawn, below the smallest other one: a logarithm has no place for it. */
const ZERO_BELOW = 10;
const LEAST_KLD = 1e-9;

/** Places the levels of a context on two logarithmic axes. */
export function plotOf(levels: readonly LevelSummary[], area: PlotArea): Plot {
  const positive = levels.map(({ predictedKld }) => predictedKld).filter((kld) => kld > 0);
  const least = Math.max(LEAST_KLD, positive.length === 0 ? 1 : Math.min(...positive));
  const floor = positive.length < levels.length ? least / ZERO_BELOW : least;
  const bytes = levels.map((level) => level.bytes);
  const x = scaleLog()
    .domain([Math.min(...bytes) / 1.2, Math.max(...bytes) * 1.2])
    .range(area.x);
  const y = scaleLog()
    .domain([floor / 1.5, Math.max(floor, ...positive) * 1.5])
    .range(area.y);
  return {
    points: levels.map(({ name, bytes: size, predictedKld }) => ({
      name,
      x: round(x(size)),
      y: round(y(Math.max(predictedKld, floor))),
    })),
    bytesTicks: ticksOf(x),
    kldTicks: ticksOf(y),
  };
}

/** Ticks at 1, 2 and 5 of each decade, or at its start only, where those would be too many. */
function ticksOf(scale: { (value: number): number; ticks(count: number): number[] }): Tick[] {
  const all = scale.ticks(100);
  const digit = (value: number) => Number(value.toExponential().slice(0, 1));
  const nice = all.filter((value) => [1, 2, 5].includes(digit(value)));
  const decades = all.filter((value) => digit(value) === 1);
  const chosen = nice.length <= MAX_TICKS ? nice : decades;
  const every = Math.ceil(chosen.length / MAX_TICKS);
  return chosen.filter((_, i) => i % every === 0).map((value) => ({ value, at: round(scale(value)) }));
}

function round(coordinate: number): number {
  return Math.round(10 * coordinate) / 10;
}
