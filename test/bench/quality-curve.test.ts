import { describe, expect, it } from 'vitest';
import { bitsAtKld, frontier, ratioAtEqualKld } from '../../bench/quality/curve.ts';
import { spearman } from '../../bench/quality/rank-correlation.ts';

const point = (bitsPerValue: number, kld: number) => ({ bitsPerValue, kld });

describe('a rate curve', () => {
  const curve = [point(4, 0.01), point(1, 0.1), point(2, 0.2), point(8, 0.0001)];

  it('keeps the points that no cheaper one beats', () => {
    expect(frontier(curve)).toEqual([point(1, 0.1), point(4, 0.01), point(8, 0.0001)]);
  });

  it('is straight between points on logarithmic axes', () => {
    expect(bitsAtKld(curve, 0.1)).toBe(1);
    expect(bitsAtKld(curve, 0.01)).toBe(4);
    expect(bitsAtKld(curve, Math.sqrt(0.1 * 0.01))).toBeCloseTo(2, 12);
    expect(bitsAtKld(curve, 0.001)).toBeCloseTo(Math.sqrt(4 * 8), 12);
  });

  it('says nothing outside of its points', () => {
    expect(bitsAtKld(curve, 0.2)).toBeNull();
    expect(bitsAtKld(curve, 0.00001)).toBeNull();
    expect(bitsAtKld([], 0.01)).toBeNull();
  });
});

describe('ratioAtEqualKld', () => {
  it('finds the least ratio at the corners of either curve', () => {
    const ours = [point(1, 0.1), point(10, 0.001)];
    const theirs = [point(4, 0.1), point(8, 0.01), point(40, 0.0001)];
    const ratio = ratioAtEqualKld(ours, theirs, ['0.100', '0.010', '0.5']);
    expect(ratio.at['0.100']).toBeCloseTo(4, 12);
    expect(ratio.at['0.010']).toBeCloseTo(8 / Math.sqrt(10), 12);
    expect(ratio.at['0.5']).toBeNull();
    // At 0.001 theirs is halfway from 8 to 40.
    expect(ratio.min).toBeCloseTo(Math.sqrt(8 * 40) / 10, 12);
    expect(ratio.commonKld).toEqual([0.001, 0.1]);
  });

  it('has no figures without a common range', () => {
    const ratio = ratioAtEqualKld([point(1, 0.1), point(2, 0.05)], [point(1, 0.01)], ['0.010']);
    expect(ratio).toEqual({ min: null, commonKld: null, at: { '0.010': null } });
  });
});

describe('spearman', () => {
  it('is 1 for any rising relation and -1 for a falling one', () => {
    expect(spearman([1, 2, 3, 4], [1, 8, 27, 1000])).toBeCloseTo(1, 12);
    expect(spearman([1, 2, 3, 4], [9, 7, 5, 0])).toBeCloseTo(-1, 12);
  });

  it('gives ties their mean rank', () => {
    // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12);
  });

  it('is of no meaning for a constant', () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
  });
});
