import { deflateRawSync } from 'node:zlib';
import { affine, type ComponentGroup } from './allocate.ts';

/** Symbols of one group of components, token by token. */
export interface GroupSymbols {
  symbols: number[];
  bits: number;
}

/** Coefficients of one chunk quantized: what DEFLATE makes of them, and what a decoder has ([tokens][rank]). */
export function packCoefficients(
  values: Float32Array,
  rank: number,
  groups: readonly ComponentGroup[],
): { bytes: number; restored: Float32Array } {
  const tokens = values.length / rank;
  const restored = new Float32Array(values.length);
  const halves: number[] = [];
  const coded: GroupSymbols[] = [];
  for (const { start, size, bits } of groups) {
    if (bits === 0) continue;
    const symbols: number[] = [];
    for (let token = 0; token < tokens; token++) {
      const from = token * rank + start;
      if (size === 1) {
        restored[from] = Math.f16round(values[from]!);
        halves.push(restored[from]!);
        continue;
      }
      const { shift, scale } = affine(values, from, size, bits);
      halves.push(shift, scale);
      const largest = 2 ** bits - 1;
      for (let i = from; i < from + size; i++) {
        const index = scale === 0 ? 0 : Math.round((values[i]! - shift) / scale);
        const symbol = Math.max(0, Math.min(largest, index));
        restored[i] = shift + symbol * scale;
        symbols.push(symbol);
      }
    }
    coded.push({ symbols, bits });
  }
  const shared = deflated(new Uint8Array(Float16Array.from(halves).buffer));
  const whole = Uint8Array.from(coded.flatMap(({ symbols }) => symbols));
  // Whole bytes let DEFLATE see symbols; the smaller of both layouts counts.
  const smaller = Math.min(deflated(whole), deflated(packSymbols(coded)));
  return { bytes: shared + smaller, restored };
}

/** Symbols one after the other without gaps, least significant bits first. */
export function packSymbols(groups: readonly GroupSymbols[]): Uint8Array {
  const bytes: number[] = [];
  let held = 0;
  let count = 0;
  for (const { symbols, bits } of groups) {
    for (const symbol of symbols) {
      held |= symbol << count;
      for (count += bits; count >= 8; count -= 8) {
        bytes.push(held & 255);
        held >>>= 8;
      }
    }
  }
  if (count > 0) bytes.push(held);
  return Uint8Array.from(bytes);
}

const deflated = (bytes: Uint8Array) => (bytes.length === 0 ? 0 : deflateRawSync(bytes, { level: 9 }).length);
