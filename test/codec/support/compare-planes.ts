/// <reference lib="esnext.float16" />
import { expect } from 'vitest';

/**
 * Planes may differ in their last bits (docs/format.md, section 6.1): 2 units in the last place of fp16, or, where sums
 * cancel, 1/2048 of the largest magnitude in the planes times 1/16.
 */
export function expectClosePlanes(found: Uint16Array, expected: Float64Array | Uint16Array): void {
  expect(found.length).toBe(expected.length);
  const got = new Float16Array(found.buffer, found.byteOffset, found.length);
  const want =
    expected instanceof Uint16Array
      ? new Float16Array(expected.buffer, expected.byteOffset, expected.length)
      : expected;
  let largest = 0;
  for (const value of want) largest = Math.max(largest, Math.abs(value));
  const absolute = largest / 2048 / 16;
  for (let i = 0; i < got.length; i++) {
    const a = got[i]!;
    const b = Math.min(Math.max(want[i]!, -65504), 65504);
    const tolerance = Math.max(2 * ulp(b), absolute);
    if (!(Math.abs(a - b) <= tolerance)) {
      expect.fail(`value ${i}: ${a}, expected ${b} within ${tolerance}`);
    }
  }
}

/** Distance of neighbouring fp16 numbers around `value`. */
function ulp(value: number): number {
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(value), 2 ** -14)));
  return 2 ** (exponent - 10);
}
