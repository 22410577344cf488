import {
  allocatePlanes,
  type KvPlanes,
  type PlaneKind,
  planeOf,
  rowValues,
} from '../../../src/engine/planes.ts';
import { asFloat16 } from './float16.ts';

/** Bins of the first layers and of the rest, for keys and for values. */
export interface LmcacheBins {
  key: { layers: number; first: number; rest: number };
  value: { layers: number; first: number; rest: number };
}

/** The configuration that LMCache ships (cachegen_basics.py), and the same finer and coarser for a curve. */
export const LMCACHE_SETTINGS: readonly { name: string; bins: LmcacheBins }[] = [
  [128, 64],
  [64, 32],
  [32, 16],
  [24, 12],
  [16, 8],
  [12, 6],
].map(([first, rest]) => ({
  name: `${first}-${rest}`,
  bins: {
    key: { layers: 10, first: first!, rest: rest! },
    value: { layers: 2, first: first!, rest: rest! },
  },
}));

const CODER_PRECISION = 2 ** 16;
/** What the arithmetic coder writes at its end, at least. */
const FLUSH_BITS = 2;
const CDF_ENTRY_BYTES = 2;
const LENGTH_BYTES = 4;
const MAXIMUM_BYTES = 2;

/** LMCache's CacheGen serializer on one chunk (README.md beside this file says how it was matched). */
export function lmcache(planes: KvPlanes, bins: LmcacheBins): { planes: KvPlanes; bytes: number } {
  const { geometry, tokenCount } = planes;
  const restored = allocatePlanes(geometry, planes.firstPosition, tokenCount);
  let bytes = 0;
  for (let layer = 0; layer < geometry.layers; layer++) {
    for (const kind of ['key', 'value'] as const) {
      const count = binsOf(bins, layer, kind);
      const { symbols, maxima, values } = quantize(
        planeOf(planes, layer, kind),
        rowValues(geometry, kind),
        count,
      );
      asFloat16(planeOf(restored, layer, kind)).set(values);
      bytes += MAXIMUM_BYTES * maxima.length;
      bytes += codedBytes(symbols, rowValues(geometry, kind), Math.max(bins[kind].first, bins[kind].rest));
    }
  }
  return { planes: restored, bytes };
}

export function binsOf(bins: LmcacheBins, layer: number, kind: PlaneKind): number {
  const { layers, first, rest } = bins[kind];
  return layer < layers ? first : rest;
}

/** A token's row shares its largest magnitude; symbols are 0 to 2 * (bins / 2 - 1). */
export function quantize(plane: Uint16Array, row: number, bins: number) {
  const largest = Math.floor(bins / 2) - 1;
  const source = asFloat16(plane);
  const symbols = new Uint8Array(source.length);
  const values = new Float32Array(source.length);
  const maxima = new Float32Array(source.length / row);
  for (let token = 0; token < maxima.length; token++) {
    let peak = 0;
    for (let i = token * row; i < (token + 1) * row; i++) peak = Math.max(peak, Math.abs(source[i]!));
    maxima[token] = peak;
    for (let i = token * row; i < (token + 1) * row; i++) {
      const index = peak === 0 ? 0 : roundHalfEven((source[i]! * largest) / peak);
      symbols[i] = index + largest;
      values[i] = (index / largest) * peak;
    }
  }
  return { symbols, maxima, values };
}

/** Every channel: its table of max bins + 1 entries, the length of its stream, and the stream. */
export function codedBytes(symbols: Uint8Array, row: number, maxBins: number): number {
  const tokens = symbols.length / row;
  const spread = CODER_PRECISION - maxBins;
  const counts = new Uint32Array(maxBins);
  let bytes = 0;
  for (let channel = 0; channel < row; channel++) {
    counts.fill(0);
    for (let i = channel; i < symbols.length; i += row) counts[symbols[i]!]!++;
    let bits = FLUSH_BITS;
    let cumulated = 0;
    for (const count of counts) {
      const start = Math.round((cumulated / tokens) * spread);
      cumulated += count;
      const frequency = Math.round((cumulated / tokens) * spread) - start + 1;
      bits += count * Math.log2(CODER_PRECISION / frequency);
    }
    bytes += Math.ceil(bits / 8) + LENGTH_BYTES + CDF_ENTRY_BYTES * (maxBins + 1);
  }
  return bytes;
}

/** As torch.round does. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
