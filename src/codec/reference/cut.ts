import { checkBudget, groupsOfLayers } from '../arguments.ts';
import type { ChunkInfo, Cut } from '../codec.ts';
import { parseHeader, segmentEnds } from './chunk-header.ts';
import { cutLayers } from './cut-layers.ts';
import { fail } from './fail.ts';

/** Size of the prefix that is this level (docs/format.md, section 5). */
export function levelEnd(info: ChunkInfo, name: string): number {
  const level = info.levels.find((candidate) => candidate.name === name);
  if (level !== undefined) return level.endOffset;
  return fail(
    'unknown-level',
    `no level ${name}; the chunk has ${info.levels.map((l) => l.name).join(', ')}`,
  );
}

/** docs/format.md, section 8. Returns a copy. */
export function cut(chunk: Uint8Array, wanted: Cut): Uint8Array {
  const info = parseHeader(chunk);
  if ('level' in wanted) return cutLevel(chunk, levelEnd(info, wanted.level));
  if ('maxBytes' in wanted) return cutBytes(chunk, segmentEnds(info), wanted.maxBytes);
  return cutLayers(chunk, info, groupsOfLayers(info, wanted));
}

function cutLevel(chunk: Uint8Array, end: number): Uint8Array {
  if (end > chunk.length) fail('truncated', `the level has ${end} bytes, here are ${chunk.length}`);
  return chunk.slice(0, end);
}

function cutBytes(chunk: Uint8Array, ends: number[], maxBytes: number): Uint8Array {
  checkBudget(maxBytes, 'maxBytes');
  const smallest = ends[0]!;
  if (smallest > maxBytes) {
    fail('budget-too-small', `header and prelude have ${smallest} bytes, the budget is ${maxBytes}`);
  }
  if (smallest > chunk.length) fail('truncated', `header and prelude have ${smallest} bytes, here are fewer`);
  return chunk.slice(0, ends.findLast((end) => end <= Math.min(maxBytes, chunk.length))!);
}
