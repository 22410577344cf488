import { describe, expect, it } from 'vitest';
import { bytesBefore, levelBefore } from '../../src/edge/deadline.ts';

const LEVELS = [
  { name: 'draft', bytes: 100_000 },
  { name: 'standard', bytes: 250_000 },
  { name: 'high', bytes: 500_000 },
];

describe('levelBefore', () => {
  it('counts the bits of the link: 8 Mbit/s carry 1,000 bytes in a millisecond', () => {
    expect(bytesBefore({ deadlineMs: 1, mbitPerSecond: 8 })).toBe(1000);
    expect(bytesBefore({ deadlineMs: 250, mbitPerSecond: 12.5 })).toBe(390_625);
  });

  it.each([
    [99, 'draft'],
    [100, 'draft'],
    [249, 'draft'],
    [250, 'standard'],
    [499, 'standard'],
    [500, 'high'],
    [600_000, 'high'],
    [0, 'draft'],
  ])('in %i ms at 8 Mbit/s: %s', (deadlineMs, name) => {
    expect(levelBefore(LEVELS, { deadlineMs, mbitPerSecond: 8 }).name).toBe(name);
  });
});
