import { describe, expect, it } from 'vitest';
import { plotOf } from '../../../src/edge/dashboard/rate-damage-plot.ts';

const AREA = { x: [0, 100] as [number, number], y: [100, 0] as [number, number] };
const level = (name: string, bytes: number, predictedKld: number) => ({
  name,
  bytes,
  bitsPerValue: 1,
  predictedKld,
});

describe('plotOf', () => {
  it('is logarithmic: equal ratios are equal distances', () => {
    const { points } = plotOf([level('a', 10, 1), level('b', 100, 0.1), level('c', 1000, 0.01)], AREA);
    const [a, b, c] = points;
    expect(b!.x - a!.x).toBeCloseTo(c!.x - b!.x, 0);
    expect(b!.y - a!.y).toBeCloseTo(c!.y - b!.y, 0);
    for (const { x, y } of points) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(100);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(100);
    }
  });

  it('puts a KLD of 0 at a place below all others', () => {
    const { points } = plotOf([level('a', 10, 0.1), level('b', 20, 0.001), level('c', 30, 0)], AREA);
    expect(points[2]!.y).toBeGreaterThan(points[1]!.y);
    expect(points[2]!.y).toBeLessThanOrEqual(100);
  });

  it('has finite places for a single level, and for levels that are all exact', () => {
    for (const levels of [[level('a', 10, 0.5)], [level('a', 10, 0)], [level('a', 5, 0), level('b', 5, 0)]]) {
      const { points, bytesTicks, kldTicks } = plotOf(levels, AREA);
      for (const { x, y } of points) expect(Number.isFinite(x) && Number.isFinite(y)).toBe(true);
      expect(bytesTicks.length + kldTicks.length).toBeLessThan(16);
    }
  });

  it.each([
    ['within a decade', 2_142, 5_697, [2_000, 5_000]],
    ['over two decades', 90_000, 2_000_000, [100_000, 200_000, 500_000, 1_000_000, 2_000_000]],
    ['over many', 10, 1e6, [10, 100, 1_000, 10_000, 100_000, 1_000_000]],
    ['over very many', 1, 1e12, [1, 100, 1e4, 1e6, 1e8, 1e10, 1e12]],
  ])('has round ticks %s', (_, least, most, expected) => {
    const { bytesTicks } = plotOf([level('a', least, 0.1), level('b', most, 0.01)], AREA);
    expect(bytesTicks.map(({ value }) => value)).toEqual(expected);
  });
});
