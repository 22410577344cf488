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

  test('a rate that changes holds from one step to the next, an outage lets nothing pass', () => {
    const bucket = new TokenBucket(
      [
        { atMs: 0, bitsPerSecond: 8 * MBIT },
        { atMs: 100, bitsPerSecond: 0 },
        { atMs: 300, bitsPerSecond: 16 * MBIT },
      ],
      0,
    );
    expect(bucket.pass(50_000, 0)).toBe(50);
    expect(bucket.pass(50_000, 0)).toBe(100);
    expect(bucket.pass(20_000, 0)).toBe(310);
    expect(bucket.pass(2_000, 1_000)).toBe(1_001);
  });

  test('a piece spans steps', () => {
    const bucket = new TokenBucket(
      [
        { atMs: 0, bitsPerSecond: 8 * MBIT },
        { atMs: 10, bitsPerSecond: 80 * MBIT },
      ],
      0,
    );
    expect(bucket.pass(20_000, 5)).toBe(10 + 1.5);
  });

  test.each([
    [
      'that ends in an outage',
      [
        { atMs: 0, bitsPerSecond: 1 },
        { atMs: 1, bitsPerSecond: 0 },
      ],
    ],
    [
      'out of order',
      [
        { atMs: 5, bitsPerSecond: 1 },
        { atMs: 5, bitsPerSecond: 2 },
      ],
    ],
    ['of nothing', []],
  ])('a schedule %s is refused', (_, steps) => expect(() => new TokenBucket(steps)).toThrow(RangeError));

  test.each([0, -1, Number.NaN])('a rate of %j is refused', (rate) =>
    expect(() => new TokenBucket(rate)).toThrow(RangeError),
  );
});
