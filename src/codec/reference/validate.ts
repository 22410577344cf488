import type { ChunkInfo } from '../codec.ts';
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
  const { shifts } = parsePrelude(chunk.subarray(info.headerBytes, ends[0]!), info);
  const begun = new Set<string>();
  for (const [number, { group, band }] of info.segments.entries()) {
    const key = `${group}/${band}`;
    const bytes = chunk.subarray(ends[number]!, ends[number + 1]!);
    readParts(bytes, Math.min(LANES, shifts.length), begun.has(key));
    begun.add(key);
  }
  return info;
}
