import { describe, expect, it } from 'vitest';
import { waitPreferenceMs } from '../../../src/edge/http/prefer.ts';

describe('Prefer: wait (RFC 7240, section 4.3)', () => {
  it.each([
    [undefined, 0],
    ['', 0],
    ['wait=5', 5000],
    ['WAIT = "5"', 5000],
    ['respond-async, wait=10', 10_000],
    ['wait=10, respond-async', 10_000],
    ['respond-async; wait=10', 10_000],
    ['wait=999999', 60_000],
    ['wait', 0],
    ['wait=', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['await=5', 0],
    ['wait=5x', 0],
  ])('%s asks for %i ms', (header, ms) => {
    expect(waitPreferenceMs(header)).toBe(ms);
  });
});
