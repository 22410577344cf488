import type { ChunkInfo } from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { checkTrailingCrc } from './crc32c.ts';
import { fail, inRange } from './fail.ts';
import { valuesPerToken } from './geometry.ts';
import { type Profile, readPlanes } from './profile.ts';

/** docs/format.md, section 6.2. */
export interface Prelude {
  /** fp16 planes of the chunk's first token, if it is not coded like the others. */
  firstToken: Uint16Array | undefined;
  /** Shift of each coded token, -4 to 4. */
  shifts: number[];
}

export function parsePrelude(part: Uint8Array, info: ChunkInfo, profile: Profile): Prelude {
  checkTrailingCrc(part, 'prelude');
  const reader = new ByteReader(part.subarray(0, -4), 'prelude');
  const firstToken = readFirstToken(reader, info, profile);
  const shifts = readShifts(reader, info.tokenCount - (firstToken === undefined ? 0 : 1));
  reader.end();
  return { firstToken, shifts };
}

function readFirstToken(reader: ByteReader, info: ChunkInfo, profile: Profile): Uint16Array | undefined {
  const mode = reader.u8();
  if (mode === 0) return undefined;
  if (mode === 1) return readPlanes(reader.take(2 * valuesPerToken(info)), false);
  if (mode !== 2) return fail('unsupported', `firstTokenMode ${mode}`);
  if (info.firstPosition !== 0) fail('corrupt', 'a first token of the profile, but not at position 0');
  const index = reader.u8();
  const entry = profile.firstTokens[index];
  return entry?.planes ?? fail('wrong-profile', `the profile has no first token number ${index}`);
}

function readShifts(reader: ByteReader, count: number): number[] {
  const mode = reader.u8();
  if (mode === 0) return new Array(count).fill(0);
  if (mode !== 1) fail('unsupported', `shiftMode ${mode}`);
  const halves = [...reader.take(Math.ceil(count / 2))].flatMap((byte) => [byte & 15, byte >> 4]);
  if (halves.length > count && halves.pop() !== 0) fail('corrupt', 'the unused half of the shifts is not 0');
  return halves.map((half) => inRange(half, 0, 8, 'shift + 4') - 4);
}
