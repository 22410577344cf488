import type { ChunkInfo } from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { checkTrailingCrc } from './crc32c.ts';
import { fail } from './fail.ts';
import { valuesPerToken } from './geometry.ts';
import { type Profile, readPlanes } from './profile.ts';

/** What is added to a token's step shift to store it. */
const SHIFT_BIAS = 11;

/** Most rows of shifts of a chunk, and of a profile's predictor. */
export const MAX_SHIFT_ROWS = 16;

/** docs/format.md, section 6.2. */
export interface Prelude {
  /** Where the planes of the chunk's first token are, if it is not coded like the others. */
  firstToken: { planes: Uint16Array } | { profileIndex: number } | undefined;
  shifts: StepShifts;
}

/** Step shifts of the coded tokens, in one row for all groups or in several. */
export interface StepShifts {
  /** By row, at least one: the shift of each coded token, -11 to 4. */
  rows: number[][];
  /** Row of each group; empty: all groups have row 0. */
  rowOfGroup: number[];
}

/** Shifts of the coded tokens in a group. */
export function shiftsOf({ rows, rowOfGroup }: StepShifts, group: number): number[] {
  return rows[rowOfGroup[group] ?? 0]!;
}

/** `part`: the prelude with its CRC. */
export function parsePrelude(part: Uint8Array, info: ChunkInfo): Prelude {
  checkTrailingCrc(part, 'prelude');
  const reader = new ByteReader(part.subarray(0, -4), 'prelude', 'corrupt');
  const firstToken = readFirstToken(reader, info);
  const coded = info.tokenCount - (firstToken === undefined ? 0 : 1);
  const shifts = readShifts(reader, coded);
  reader.end();
  if (coded === 0 && info.segments.length > 0) fail('corrupt', 'segments, but no coded token');
  return { firstToken, shifts };
}

/** fp16 planes of the first token, or undefined if it is coded like the others. */
export function firstTokenPlanes({ firstToken }: Prelude, profile: Profile): Uint16Array | undefined {
  if (firstToken === undefined) return undefined;
  if ('planes' in firstToken) return firstToken.planes;
  const entry = profile.firstTokens[firstToken.profileIndex];
  return entry?.planes ?? fail('wrong-profile', `the profile has no first token ${firstToken.profileIndex}`);
}

function readFirstToken(reader: ByteReader, info: ChunkInfo): Prelude['firstToken'] {
  const mode = reader.u8();
  if (mode === 0) return undefined;
  if (mode === 1) return { planes: readPlanes(reader.take(2 * valuesPerToken(info))) };
  if (mode !== 2) return fail('unsupported', `firstTokenMode ${mode}`);
  if (info.firstPosition !== 0) fail('corrupt', 'a first token of the profile, but not at position 0');
  return { profileIndex: reader.u8() };
}

function readShifts(reader: ByteReader, count: number): StepShifts {
  const mode = reader.u8();
  if (mode === 0) return { rows: [new Array(count).fill(0)], rowOfGroup: [] };
  if (mode === 1) return { rows: [readRow(reader, count)], rowOfGroup: [] };
  if (mode !== 2) fail('unsupported', `shiftMode ${mode}`);
  const rowCount = reader.u8();
  if (rowCount < 2 || rowCount > MAX_SHIFT_ROWS) fail('corrupt', `${rowCount} rows of shifts`);
  const rowOfGroup = [...reader.take(reader.u8())];
  if (rowOfGroup.some((row) => row >= rowCount))
    fail('corrupt', 'a group has a row of shifts that is not there');
  return { rows: Array.from({ length: rowCount }, () => readRow(reader, count)), rowOfGroup };
}

function readRow(reader: ByteReader, count: number): number[] {
  const halves = [...reader.take(Math.ceil(count / 2))].flatMap((byte) => [byte & 15, byte >> 4]);
  if (halves.length > count && halves.pop() !== 0) fail('corrupt', 'the unused half of the shifts is not 0');
  return halves.map((half) => half - SHIFT_BIAS);
}
