import { describe, expect, test } from 'vitest';
import { isRetriedStatus, retryAfterMs } from '../../src/client/retry-timing.ts';

describe('retryAfterMs', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  test.each([
    [null, null],
    ['3', 3000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Wed, 31 Dec 2025 23:59:00 GMT', 0],
    ['soon', null],
  ])('of %j is %j', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });
});

test.each([
  [200, false],
  [404, false],
  [408, true],
  [422, false],
  [429, true],
  [501, false],
  [503, true],
  [522, true],
])('status %i is retried: %j', (status, expected) => {
  expect(isRetriedStatus(status)).toBe(expected);
});
