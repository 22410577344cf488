import {
  allocatePlanes,
  type KvPlanes,
  planeOf,
  rowValues,
  valuesPerToken,
} from '../../../src/engine/planes.ts';
import type { Fitted } from './fitted.ts';
import { asFloat16 } from './float16.ts';

const SCALE_BITS = 16;
const EXACT_BITS = 16;

/** One bin setting with its profiled distributions. */
export interface PaperSetting {
  name: string;
  /** Bin size of every plane. */
  steps: readonly number[];
  /** Bits of the symbols -alphabet .. alphabet and of an escape, per channel over all planes. */
  costs: Float32Array;
}

export interface PaperTables {
  anchorSpan: number;
  anchorLevels: number;
  alphabet: number;
  anchorCosts: Float32Array;
  settings: readonly PaperSetting[];
}

export function paperTables({ cachegen, read }: Fitted): PaperTables {
  const { anchorSpan, anchorLevels, alphabet } = cachegen;
  const settings = cachegen.settings.map(({ factor, steps, costs }) => ({
    name: `x${factor}`,
    steps,
    costs: read(costs),
  }));
  return { anchorSpan, anchorLevels, alphabet, anchorCosts: read(cachegen.anchorCosts), settings };
}

/** The paper's CacheGen on one chunk (README.md beside this file says how it was matched). */
export function paperCachegen(
  planes: KvPlanes,
  tables: PaperTables,
  setting: PaperSetting,
): { planes: KvPlanes; bytes: number } {
  const { geometry, tokenCount } = planes;
  const restored = allocatePlanes(geometry, planes.firstPosition, tokenCount);
  const exact = planes.firstPosition === 0 ? 1 : 0;
  let bits = exact * EXACT_BITS * valuesPerToken(geometry);
  let channelStart = 0;
  for (let plane = 0; plane < 2 * geometry.layers; plane++) {
    const kind = plane % 2 === 0 ? 'key' : 'value';
    const row = rowValues(geometry, kind);
    const source = asFloat16(planeOf(planes, plane >> 1, kind));
    const target = asFloat16(planeOf(restored, plane >> 1, kind));
    target.set(source.subarray(0, exact * row));
    for (let token = exact; token < tokenCount; token++) {
      const isAnchor = (token - exact) % tables.anchorSpan === 0;
      const rows = { source, target, start: token * row, row, channelStart };
      bits += isAnchor
        ? codeAnchor(rows, tables)
        : codeDifference(
            rows,
            tables,
            setting,
            setting.steps[plane]!,
            ((token - exact) % tables.anchorSpan) * row,
          );
    }
    channelStart += row;
  }
  return { planes: restored, bytes: Math.ceil(bits / 8) };
}

interface Rows {
  source: Float16Array;
  target: Float16Array;
  start: number;
  row: number;
  channelStart: number;
}

function codeAnchor({ source, target, start, row, channelStart }: Rows, tables: PaperTables): number {
  const { anchorLevels, anchorCosts } = tables;
  let peak = 0;
  for (let i = start; i < start + row; i++) peak = Math.max(peak, Math.abs(source[i]!));
  const scale = Math.f16round(peak) / anchorLevels;
  let bits = SCALE_BITS;
  for (let channel = 0; channel < row; channel++) {
    const index = scale === 0 ? 0 : Math.round(source[start + channel]! / scale);
    const symbol = Math.max(-anchorLevels, Math.min(anchorLevels, index));
    target[start + channel] = symbol * scale;
    bits += anchorCosts[(channelStart + channel) * (2 * anchorLevels + 1) + symbol + anchorLevels]!;
  }
  return bits;
}

/** `back`: values from a token's row to that of its anchor, as decoded. */
function codeDifference(
  { source, target, start, row, channelStart }: Rows,
  { alphabet }: PaperTables,
  { costs }: PaperSetting,
  step: number,
  back: number,
): number {
  let bits = 0;
  for (let channel = 0; channel < row; channel++) {
    const at = start + channel;
    const anchor = target[at - back]!;
    const index = Math.round((source[at]! - anchor) / step);
    const table = (channelStart + channel) * (2 * alphabet + 2);
    const beyond = Math.abs(index) - alphabet;
    bits +=
      beyond > 0
        ? costs[table + 2 * alphabet + 1]! + 2 + 2 * Math.floor(Math.log2(beyond))
        : costs[table + index + alphabet]!;
    target[at] = anchor + index * step;
  }
  return bits;
}
