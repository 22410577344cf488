import { type ChunkInfo, CODEC_CACHEGEN } from '../codec.ts';
import { parseCachegenPrelude } from './cachegen-prelude.ts';
import { checkNothingFollows, parseHeader, segmentEnds } from './chunk-header.ts';
import { fail } from './fail.ts';
import { parsePrelude } from './prelude.ts';
import { LANES } from './rows.ts';
import { readParts } from './segment-parts.ts';

/** Everything about a whole object that can be checked without its profile and without decoding symbols. */
export function validate(chunk: Uint8Array): ChunkInfo {
  const info = parseHeader(chunk);
  if (chunk.length < info.objectBytes) {
    fail('truncated', `the chunk has ${chunk.length} bytes of ${info.objectBytes}`);
  }
  checkNothingFollows(chunk, info);
  const ends = segmentEnds(info);
  const lanes = lanesOf(chunk.subarray(info.headerBytes, ends[0]!), info);
  const begun = new Set<string>();
  for (const [number, { group, band }] of info.segments.entries()) {
    const key = `${group}/${band}`;
    const bytes = chunk.subarray(ends[number]!, ends[number + 1]!);
    readParts(bytes, lanes, begun.has(key));
    begun.add(key);
  }
  return info;
}

function lanesOf(prelude: Uint8Array, info: ChunkInfo): number {
  if (info.codec === CODEC_CACHEGEN) return parseCachegenPrelude(prelude, info).lanes;
  return Math.min(LANES, parsePrelude(prelude, info).shifts.rows[0]!.length);
}
