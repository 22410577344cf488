import { type KvPlanes, planeOf, rowValues } from '../../../src/engine/planes.ts';
import { asFloat16 } from './float16.ts';

/** Values that share one scale. */
const GROUP_VALUES = 32;
const SCALE_BITS = 16;

/**
 * The plain quantized KV cache that engines ship: symmetric integers with one fp16 scale for 32 neighbouring values of
 * a token's row, keys after the rotary embedding.
 */
export function integerQuantized(planes: KvPlanes, bits: 4 | 8): { planes: KvPlanes; bytes: number } {
  const largest = 2 ** (bits - 1) - 1;
  const data = new Uint16Array(planes.data.length);
  const restored = { ...planes, data };
  let groups = 0;
  for (let layer = 0; layer < planes.geometry.layers; layer++) {
    for (const kind of ['key', 'value'] as const) {
      const source = asFloat16(planeOf(planes, layer, kind));
      const target = asFloat16(planeOf(restored, layer, kind));
      const row = rowValues(planes.geometry, kind);
      if (row % GROUP_VALUES !== 0)
        throw new RangeError(`rows of ${row} values do not divide into groups of 32`);
      for (let start = 0; start < source.length; start += GROUP_VALUES) {
        groups++;
        let peak = 0;
        for (let i = start; i < start + GROUP_VALUES; i++)
          peak = Math.max(peak, Math.abs(source[i] as number));
        const scale = Math.f16round(peak / largest);
        for (let i = start; i < start + GROUP_VALUES; i++) {
          const index = scale === 0 ? 0 : Math.round((source[i] as number) / scale);
          target[i] = Math.max(-largest, Math.min(largest, index)) * scale;
        }
      }
    }
  }
  return { planes: restored, bytes: Math.ceil((groups * (GROUP_VALUES * bits + SCALE_BITS)) / 8) };
}
