import { expect, test } from 'vitest';
import { compareSamples } from '../../bench/tenancy/compare-samples.ts';

const ramp = (from: number) => Array.from({ length: 100 }, (_, i) => from + i);

test('equal samples are not told apart', () => {
  expect(compareSamples(ramp(0), ramp(0))).toMatchObject({ probabilityLonger: 0.5, deviations: 0 });
});

test('a shift by a quarter of the spread is', () => {
  const { probabilityLonger, deviations, medianMs } = compareSamples(ramp(25), ramp(0));
  expect(probabilityLonger).toBeCloseTo(0.71875, 3);
  expect(deviations).toBeGreaterThan(5);
  expect(medianMs).toEqual({ existing: 74.5, absent: 49.5 });
  expect(compareSamples(ramp(0), ramp(25)).deviations).toBeCloseTo(-deviations);
});
