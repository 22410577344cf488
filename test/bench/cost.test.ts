import { describe, expect, it } from 'vitest';
import { type Assumptions, costSheet, type ModelSize } from '../../bench/cost/model.ts';
import { PRICES } from '../../bench/cost/prices.ts';

const MODEL: ModelSize = { name: 'm', parameters: 1e9, valuesPerToken: 10_000 };
const ASSUMPTIONS: Assumptions = {
  contextTokens: 1000,
  bitsPerValue: 0.8,
  storedBitsPerValue: 3.2,
  hitRatio: 0.5,
  cpuMsPerRequest: 1,
  logEventsPerRequest: 0,
  months: 2,
  gpuDollarsPerHour: 3.6,
  gpuFlops: 1e15,
  gpuUtilization: 0.4,
  encodeShare: 1,
};

describe('costSheet', () => {
  it('gives the figures of a case computed by hand', () => {
    const sheet = costSheet(MODEL, ASSUMPTIONS, PRICES);
    expect(sheet.load).toEqual({ bytes: 1e6, requests: 5, r2Reads: 7.5 });
    expect(sheet.thousandLoads.requests).toBeCloseTo(0.0015, 9);
    expect(sheet.thousandLoads.cpu).toBeCloseTo(0.0001, 9);
    expect(sheet.thousandLoads.r2).toBeCloseTo(0.0027, 9);
    expect(sheet.prefillTokensPerSecond).toBeCloseTo(200_000, 6);
    expect(sheet.thousandLoads.prefill).toBeCloseTo(0.005, 9); // 5 ms of GPU at $0.001 a second, a thousand times
    expect(sheet.context.storage).toBeCloseTo(0.004 * 0.015 * 2, 12);
    const spent = sheet.context.gpu + sheet.context.platform + sheet.context.storage;
    expect(sheet.breakEvenLoads).toBe(Math.ceil(spent / ((0.005 - 0.0043) / 1000)));
  });

  it('breaks even at the first load after which publishing was not dearer', () => {
    const sheet = costSheet({ ...MODEL, parameters: 8e9 }, ASSUMPTIONS, PRICES);
    const published = (loads: number) =>
      sheet.context.gpu +
      sheet.context.platform +
      sheet.context.storage +
      (loads * sheet.thousandLoads.total) / 1000;
    const prefilled = (loads: number) => (loads * sheet.thousandLoads.prefill) / 1000;
    const at = sheet.breakEvenLoads!;
    expect(published(at)).toBeLessThanOrEqual(prefilled(at));
    expect(published(at - 1)).toBeGreaterThan(prefilled(at - 1));
  });

  it('never breaks even where a load costs more than a prefill', () => {
    expect(costSheet({ ...MODEL, parameters: 1e7 }, ASSUMPTIONS, PRICES).breakEvenLoads).toBeNull();
  });
});
