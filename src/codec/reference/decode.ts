import type { KvPlanes } from '../../engine/planes.ts';
import type { ChunkInfo, ChunkSegment, DecodeOptions } from '../codec.ts';
import { checkNothingFollows, parseHeader, segmentEnds } from './chunk-header.ts';
import { levelEnd } from './cut.ts';
import { fail, within } from './fail.ts';
import { sameGeometry, valuesPerToken } from './geometry.ts';
import { MEMORY_BUDGET_BYTES } from './limits.ts';
import { firstTokenPlanes, parsePrelude, shiftsOf } from './prelude.ts';
import type { Profile } from './profile.ts';
import { reconstruct } from './reconstruct.ts';
import { makeRows } from './rows.ts';
import { decodeSegment, type GroupIntegers } from './segment.ts';

/** docs/format.md, section 6: a chunk object, or a prefix of it, to planes. */
export function decode(
  profile: Profile,
  chunk: Uint8Array,
  options: DecodeOptions = {},
  maxMemoryBytes: number = MEMORY_BUDGET_BYTES,
): KvPlanes {
  const info = parseHeader(chunk);
  checkProfile(profile, info);
  checkNothingFollows(chunk, info);
  const ends = segmentEnds(info);
  const present = info.segments.slice(0, countPresent(info, ends, chunk.length, options));
  checkMemory(profile, info, maxMemoryBytes);

  const prelude = parsePrelude(chunk.subarray(info.headerBytes, ends[0]!), info);
  const firstToken = firstTokenPlanes(prelude, profile);
  checkGroups(profile, present);
  const { rowOfGroup } = prelude.shifts;
  if (rowOfGroup.length > 0 && rowOfGroup.length !== profile.groups.length) {
    fail('wrong-profile', `the chunk has shifts of ${rowOfGroup.length} groups`);
  }
  const integers: GroupIntegers[] = profile.groups.map((group, g) => ({
    q: new Int32Array(shiftsOf(prelude.shifts, g).length * group.rank),
    passes: group.bandEnds.map(() => -1),
  }));
  for (const [number, segment] of present.entries()) {
    const bytes = chunk.subarray(ends[number]!, ends[number + 1]!);
    const group = profile.groups[segment.group]!;
    const rows = makeRows(shiftsOf(prelude.shifts, segment.group));
    decodeSegment(bytes, segment, group, profile.classes, rows, integers[segment.group]!);
  }
  return reconstruct(profile, info, firstToken, prelude.shifts, integers);
}

/** `wrong-profile`: section 9. */
function checkProfile(profile: Profile, info: ChunkInfo): void {
  if (info.profileId !== profile.info.profileId) {
    fail('wrong-profile', `the chunk needs profile ${info.profileId}, this is ${profile.info.profileId}`);
  }
  if (info.modelFingerprint !== profile.info.modelFingerprint) fail('wrong-profile', 'another model');
  if (!sameGeometry(info, profile.geometry)) fail('wrong-profile', 'another geometry');
}

/** Directory entries of segments that are not here are ignored (section 8). */
function checkGroups(profile: Profile, segments: ChunkSegment[]): void {
  const passCount = profile.info.levelNames.length;
  for (const { group, band, pass } of segments) {
    if (profile.groups[group]?.bandEnds[band] === undefined || pass >= passCount) {
      fail('wrong-profile', `the profile has no group ${group} with a band ${band} and a pass ${pass}`);
    }
  }
}

/** How many segments to decode: those that are here, up to the wanted level (section 8). */
export function countPresent(
  info: ChunkInfo,
  ends: number[],
  length: number,
  options: DecodeOptions,
): number {
  if (length < ends[0]!) fail('truncated', `the chunk has ${length} bytes, header and prelude ${ends[0]}`);
  if (!options.partial && !ends.includes(length)) {
    fail('truncated', `the chunk has ${length} bytes: it ends inside a segment`);
  }
  let wanted = length;
  if (options.level !== undefined) {
    wanted = levelEnd(info, options.level);
    if (wanted > length && !options.partial) {
      fail('truncated', `level ${options.level} has ${wanted} bytes, here are ${length}`);
    }
  }
  return ends.filter((end) => end <= Math.min(wanted, length)).length - 1;
}

/** Planes as f32 and f16, and the integers. */
function checkMemory(profile: Profile, info: ChunkInfo, maxMemoryBytes: number): void {
  const ranks = profile.groups.reduce((sum, group) => sum + group.rank, 0);
  const bytes = info.tokenCount * (6 * valuesPerToken(profile.geometry) + 4 * ranks);
  within(bytes, maxMemoryBytes, 'memory for decoding, in bytes,');
}
