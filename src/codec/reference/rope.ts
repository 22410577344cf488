import type { ByteReader } from './byte-reader.ts';
import { fail, inRange } from './fail.ts';

/** Rotary embedding of a profile (docs/format.md, section 4). */
export interface Rope {
  /** 0 none, 1 pairs (2i, 2i+1), 2 pairs (i, i + dims/2). */
  layout: number;
  /** Leading values of each head that are rotated. */
  dims: number;
  freqBase: number;
  freqScale: number;
  /** One per pair, or empty. */
  factors: Float32Array;
}

export function readRope(reader: ByteReader, keyHeadDim: number): Rope {
  const layout = reader.u8();
  if (layout > 2) fail('unsupported', `ropeLayout ${layout}`);
  const factorCount = reader.u16();
  const dims = inRange(reader.u16(), 0, layout === 0 ? 0 : keyHeadDim, 'ropeDims');
  if (dims % 2 !== 0) fail('corrupt', `ropeDims is ${dims}, expected an even number`);
  if (factorCount !== 0 && factorCount !== dims / 2) {
    fail('corrupt', `ropeFactorCount is ${factorCount}, expected 0 or ${dims / 2}`);
  }
  const freqBase = layout === 0 ? reader.f32() : reader.positive('ropeFreqBase');
  const freqScale = reader.positive('ropeFreqScale');
  const factors = reader.f32Array(factorCount);
  if (!factors.every((factor) => factor > 0)) fail('corrupt', 'a ropeFactor is not positive');
  return { layout, dims, freqBase, freqScale, factors };
}

/** Rotates one key row (kvHeads * headDim values) in place for position `position`; section 6.3. */
export function rotate(rope: Rope, row: Float32Array, headDim: number, position: number): void {
  if (rope.layout === 0) return;
  const pairs = rope.dims / 2;
  const step = Math.fround(rope.freqBase ** (-2 / rope.dims));
  let theta = Math.fround(position);
  for (let i = 0; i < pairs; i++) {
    const stretched = Math.fround(theta / (rope.factors[i] ?? 1));
    const angle = Math.fround(Math.fround(rope.freqScale) * stretched);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const first = rope.layout === 1 ? 2 * i : i;
    const second = rope.layout === 1 ? 2 * i + 1 : i + pairs;
    for (let head = 0; head < row.length; head += headDim) {
      const a = row[head + first]!;
      const b = row[head + second]!;
      row[head + first] = a * cos - b * sin;
      row[head + second] = a * sin + b * cos;
    }
    theta = Math.fround(theta * step);
  }
}
