import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../src/cli/link/token-bucket.ts';

const MBIT = 1e6;

describe('TokenBucket', () => {
  test('pieces queue behind each other at the rate', () => {
    const bucket = new TokenBucket(8 * MBIT, 0); // 1,000 bytes a millisecond
    expect(bucket.pass(5000, 100)).toBe(105);
    expect(bucket.pass(5000, 100)).toBe(110);
  });

  test('an idle link saves up no more than the burst', () => {
    const bucket = new TokenBucket(8 * MBIT, 2);
    bucket.pass(1000, 0);
    expect(bucket.pass(10_000, 1000)).toBe(1008);
  });

  test('late timers do not slow the link', () => {
    const bucket = new TokenBucket(8 * MBIT, 2);
    let now = bucket.pass(1000, 0);
    for (let i = 0; i < 99; i++) now = bucket.pass(1000, now + 0.9); // each piece 0.9 ms late
    expect(now).toBeLessThan(102);
  });

  test.each([0, -1, Number.NaN])('a rate of %j is refused', (rate) =>
    expect(() => new TokenBucket(rate)).toThrow(RangeError),
  );
});
