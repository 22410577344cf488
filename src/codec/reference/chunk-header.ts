import {
  type ChunkInfo,
  type ChunkLevel,
  type ChunkSegment,
  CODEC_CACHEGEN,
  CODEC_LADDER,
} from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { checkBands } from './cachegen-layout.ts';
import { checkTrailingCrc } from './crc32c.ts';
import { fail, inRange, within } from './fail.ts';
import { readGeometry } from './geometry.ts';
import {
  MAX_CHUNK_BYTES,
  MAX_CHUNK_TOKENS,
  MAX_HEADER_BYTES,
  MAX_LEVELS,
  MAX_PASS,
  MAX_SEGMENTS,
} from './limits.ts';

/** docs/format.md, section 5: the header. `input` holds it, and any part of what follows. */
export function parseHeader(input: Uint8Array): ChunkInfo {
  const header = checkEnvelope(input);
  const reader = new ByteReader(header.subarray(0, -4), 'chunk header', 'corrupt');
  reader.take(4);
  const version = reader.u16();
  const codec = reader.u8();
  if (codec !== CODEC_LADDER && codec !== CODEC_CACHEGEN)
    fail('unsupported', `codec ${codec}, expected 1 or 2`);
  const flags = reader.u8();
  if (flags > 1) fail('unsupported', `flags ${flags}, expected 0 or 1`);
  const info: ChunkInfo = {
    version,
    codec,
    subset: flags === 1,
    headerBytes: reader.u32(),
    objectBytes: 0,
    modelFingerprint: reader.id(),
    profileId: readProfileId(reader, codec),
    chunkId: reader.id(),
    firstPosition: reader.u32(),
    tokenCount: inRange(reader.u16(), 1, MAX_CHUNK_TOKENS, 'tokenCount'),
    ...readGeometry(reader),
    levels: [],
    segments: [],
    preludeBytes: 0,
  };
  const levelCount = inRange(reader.u8(), 1, MAX_LEVELS, 'levelCount');
  const segmentCount = inRange(reader.u16(), 0, MAX_SEGMENTS, 'segmentCount');
  info.preludeBytes = inRange(reader.u32(), 4, 2 ** 32, 'preludeBytes');
  for (let i = 0; i < levelCount; i++) info.levels.push(readLevel(reader));
  for (let i = 0; i < segmentCount; i++) info.segments.push(readDirectoryEntry(reader));
  reader.end();

  info.objectBytes = within(segmentEnds(info).at(-1)!, MAX_CHUNK_BYTES, 'size of the object');
  checkLevels(info);
  checkPasses(info.segments);
  if (codec === CODEC_CACHEGEN) checkBands(info);
  return info;
}

/** Magic, version, size, CRC: everything that is checked before any field is used (section 9). */
function checkEnvelope(input: Uint8Array): Uint8Array {
  const reader = new ByteReader(input, 'chunk header');
  if (String.fromCharCode(...reader.take(4)) !== 'KVLC') fail('bad-magic', 'not a kvedge chunk');
  const version = reader.u16();
  if (version !== 1) fail('unsupported', `chunk version ${version}, expected 1`);
  reader.take(2);
  const headerBytes = within(reader.u32(), MAX_HEADER_BYTES, 'headerBytes');
  if (input.length < headerBytes) {
    fail('truncated', `chunk header has ${input.length} bytes of ${headerBytes}`);
  }
  inRange(headerBytes, 16, MAX_HEADER_BYTES, 'headerBytes');
  const header = input.subarray(0, headerBytes);
  checkTrailingCrc(header, 'chunk header');
  return header;
}

/** Reserved in codec 2. */
function readProfileId(reader: ByteReader, codec: number): string {
  const id = reader.id();
  if (codec === CODEC_CACHEGEN && /[^0]/.test(id)) fail('unsupported', `profileId ${id} in codec 2`);
  return id;
}

function readLevel(reader: ByteReader): ChunkLevel {
  const level = { name: reader.name(), endOffset: reader.u32(), predictedKld: reader.f32() };
  if (level.predictedKld < 0) fail('corrupt', `predictedKld of ${level.name} is negative`);
  return level;
}

function readDirectoryEntry(reader: ByteReader): ChunkSegment {
  const group = reader.u8();
  const bandAndPass = reader.u8();
  const pass = inRange(bandAndPass >> 4, 0, MAX_PASS, 'pass');
  const slope = upperHalfOfF32(reader.u16());
  if (!Number.isFinite(slope) || slope < 0) fail('corrupt', `slope ${slope}`);
  // A segment is at least its CRC (4 bytes), escapeBytes (3), classShift (1) and the state of one lane (4).
  const bytes = inRange(reader.u32(), 12, 2 ** 32, 'bytes of a segment');
  return { group, band: bandAndPass & 15, pass, bytes, slope };
}

/** Nothing may follow the object. */
export function checkNothingFollows(input: Uint8Array, info: ChunkInfo): void {
  const extra = input.length - info.objectBytes;
  if (extra > 0) fail('corrupt', `${extra} bytes follow the object`);
}

function upperHalfOfF32(bits: number): number {
  return new Float32Array(Uint32Array.of(bits * 65536).buffer)[0]!;
}

/** Ends of the prelude and of every segment: the sizes at which an object may be cut. */
export function segmentEnds(info: ChunkInfo): number[] {
  const ends = [info.headerBytes + info.preludeBytes];
  for (const segment of info.segments) ends.push(ends.at(-1)! + segment.bytes);
  return ends;
}

function checkLevels(info: ChunkInfo): void {
  const names = info.levels.map(({ name }) => name);
  if (new Set(names).size !== names.length) fail('corrupt', `level names are not distinct: ${names}`);
  const ends = new Set(segmentEnds(info));
  let previous = 0;
  for (const { name, endOffset } of info.levels) {
    if (!ends.has(endOffset)) fail('corrupt', `level ${name} ends at ${endOffset}, inside a segment`);
    if (endOffset < previous) fail('corrupt', `level ${name} ends before the level below it`);
    previous = endOffset;
  }
  if (previous !== info.objectBytes) {
    fail('corrupt', `the last level ends at ${previous}, the object at ${info.objectBytes}`);
  }
}

/** Each (group, band) begins with any pass and goes on with the next one. */
function checkPasses(segments: ChunkSegment[]): void {
  const last = new Map<string, number>();
  for (const { group, band, pass } of segments) {
    const key = `group ${group} band ${band}`;
    const previous = last.get(key);
    if (previous !== undefined && pass !== previous + 1) {
      fail('corrupt', `${key}: pass ${pass} follows pass ${previous}`);
    }
    last.set(key, pass);
  }
}
