import { expect, test } from 'vitest';
import { hasRelaxedSimd } from '../../src/codec/wasm/index.ts';

test('relaxed SIMD is found in workerd, and asking compiles nothing', () => {
  expect(hasRelaxedSimd()).toBe(true);
});

test('there are no workers of the Web here, so that chunks are decoded on the calling thread', () => {
  expect('Worker' in globalThis).toBe(false);
});
