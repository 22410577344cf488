import type { CodecErrorCode } from '../../../src/codec/errors.ts';
import { sealEnd, sealStart } from './crc.ts';
import { put, putU32, resized } from './patch.ts';
import { type ChunkOptions, sampleChunk } from './sample-chunk.ts';
import { sampleProfile } from './sample-profile.ts';
import { type ChunkSpec, type PreludeSpec, sealHeader, writeChunk, writePrelude } from './write-chunk.ts';
import { type ProfileSpec, writeProfile } from './write-profile.ts';

/** Where a fault shows: in the header (every call), in a whole object (validate and decode), or only in decoding. */
export type Stage = 'header' | 'whole' | 'decode';
export type InvalidChunk = [name: string, code: CodecErrorCode, stage: Stage, bytes: () => Uint8Array];

/** The profile of all chunks here. */
export const profileOfInvalidChunks: ProfileSpec = sampleProfile(88);
export const profileFileOfInvalidChunks: Uint8Array = writeProfile(profileOfInvalidChunks);

function changed(change: (spec: ChunkSpec) => unknown, options: ChunkOptions = {}): () => Uint8Array {
  return () => {
    const { spec } = sampleChunk(profileOfInvalidChunks, 99, { tokenCount: 33, shifted: true, ...options });
    change(spec);
    return writeChunk(spec);
  };
}

const good = changed(() => {});

/** Offsets from docs/format.md, section 5: the first level's fields and the first directory entry of `good`. */
const LEVEL = 129;
const ENTRY = LEVEL + 2 * 24;

/** A good chunk whose header `change` touches; the CRC is made right. */
function header(change: (chunk: Uint8Array) => unknown): () => Uint8Array {
  return () => {
    const chunk = good();
    change(chunk);
    return sealHeader(chunk);
  };
}

function prelude(change: Partial<PreludeSpec>, options: ChunkOptions = {}): () => Uint8Array {
  return () => {
    const sample = sampleChunk(profileOfInvalidChunks, 99, { tokenCount: 33, shifted: true, ...options });
    sample.spec.prelude = writePrelude({ ...sample.prelude, ...change });
    return writeChunk(sample.spec);
  };
}

/** Changes the bytes of segment `number` and makes its CRC right. */
function segment(number: number, change: (bytes: Uint8Array) => Uint8Array): () => Uint8Array {
  return changed(
    (spec) => {
      const bytes = change(spec.segments[number]!.bytes);
      sealStart(bytes);
      spec.segments[number]!.bytes = bytes;
    },
    { tokenCount: 256, maxInteger: 9000 },
  );
}

/** One wrong thing each, with the error that docs/format.md, sections 5 to 9, names. */
export const invalidChunks: InvalidChunk[] = [
  ['empty', 'truncated', 'header', () => new Uint8Array()],
  ['three bytes', 'truncated', 'header', () => good().slice(0, 3)],
  ['magic', 'bad-magic', 'header', changed((s) => Object.assign(s, { magic: 'KVEP' }))],
  ['version', 'unsupported', 'header', changed((s) => Object.assign(s, { version: 2 }))],
  ['codec', 'unsupported', 'header', changed((s) => Object.assign(s, { codec: 2 }))],
  ['flags', 'unsupported', 'header', changed((s) => Object.assign(s, { flags: 2 }))],
  ['headerBytes above the limit', 'limit', 'header', header((c) => putU32(c, 8, 65537))],
  ['headerBytes tiny', 'corrupt', 'header', () => putU32(good(), 8, 10)],
  ['header cut', 'truncated', 'header', () => good().slice(0, 200)],
  ['header CRC', 'corrupt', 'header', () => put(good(), 50, 1)],
  ['bytes follow', 'corrupt', 'whole', () => resized(good(), 1)],
  ['no tokens', 'corrupt', 'header', changed((s) => Object.assign(s, { tokenCount: 0 }))],
  ['tokens', 'corrupt', 'header', changed((s) => Object.assign(s, { tokenCount: 257 }))],
  [
    'no layers',
    'corrupt',
    'header',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, layers: 0 } })),
  ],
  [
    'layers',
    'limit',
    'header',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, layers: 513 } })),
  ],
  [
    'headDim',
    'limit',
    'header',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, keyHeadDim: 1025 } })),
  ],
  ['no levels', 'corrupt', 'header', changed((s) => Object.assign(s, { levels: [] }))],
  ['level name', 'corrupt', 'header', changed((s) => Object.assign(s.levels[0]!, { name: 'draft!' }))],
  [
    'level names equal',
    'corrupt',
    'header',
    changed((s) => Object.assign(s.levels[0]!, { name: s.levels[1]!.name })),
  ],
  ['level ends inside a segment', 'corrupt', 'header', header((c) => put(c, LEVEL + 16, c[LEVEL + 16]! - 1))],
  ['levels fall', 'corrupt', 'header', changed((s) => s.levels.unshift({ ...s.levels[1]!, name: 'x' }))],
  ['last level short', 'corrupt', 'header', changed((s) => Object.assign(s.levels[1]!, { segments: 5 }))],
  [
    'predictedKld negative',
    'corrupt',
    'header',
    changed((s) => Object.assign(s.levels[0]!, { predictedKld: -1 })),
  ],
  [
    'predictedKld NaN',
    'corrupt',
    'header',
    changed((s) => Object.assign(s.levels[0]!, { predictedKld: Number.NaN })),
  ],
  [
    'slope negative',
    'corrupt',
    'header',
    changed((s) => Object.assign(s.segments[0]!, { slopeBits: 0xbf80 })),
  ],
  [
    'slope infinite',
    'corrupt',
    'header',
    changed((s) => Object.assign(s.segments[0]!, { slopeBits: 0x7f80 })),
  ],
  ['slope NaN', 'corrupt', 'header', changed((s) => Object.assign(s.segments[0]!, { slopeBits: 0x7fc0 }))],
  ['pass 6', 'corrupt', 'header', header((c) => put(c, ENTRY + 1, 16 * 6))],
  ['pass left out', 'corrupt', 'header', changed((s) => Object.assign(s.segments.at(-1)!, { pass: 4 }))],
  ['pass twice', 'corrupt', 'header', changed((s) => Object.assign(s.segments.at(-1)!, { pass: 1 }))],
  ['object above 64 MiB', 'limit', 'header', header((c) => putU32(c, ENTRY + 4, 2 ** 26))],
  ['segments that wrap 2^32', 'limit', 'header', header((c) => putU32(c, ENTRY + 4, 2 ** 32 - 1))],
  ['directory short', 'corrupt', 'header', header((c) => new DataView(c.buffer).setUint16(123, 19, true))],
  ['directory long', 'corrupt', 'header', header((c) => new DataView(c.buffer).setUint16(123, 17, true))],
  [
    'segments above 4096',
    'corrupt',
    'header',
    header((c) => new DataView(c.buffer).setUint16(123, 4097, true)),
  ],

  ['prelude CRC', 'corrupt', 'whole', changed((s) => s.prelude[3]!++)],
  ['CRC of a segment', 'corrupt', 'whole', changed((s) => s.segments[4]!.bytes[9]!++)],

  ['profile', 'wrong-profile', 'decode', changed((s) => Object.assign(s, { profileId: '00'.repeat(32) }))],
  [
    'model',
    'wrong-profile',
    'decode',
    changed((s) => Object.assign(s, { modelFingerprint: '00'.repeat(32) })),
  ],
  [
    'geometry',
    'wrong-profile',
    'decode',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, kvHeads: 3 } })),
  ],
  ['group', 'wrong-profile', 'decode', changed((s) => Object.assign(s.segments.at(-1)!, { group: 2 }))],
  [
    'band',
    'wrong-profile',
    'decode',
    changed((s) => Object.assign(s.segments.at(-1)!, { band: 3, pass: 0 })),
  ],
  ['firstTokenMode', 'unsupported', 'whole', prelude({ mode: 3 })],
  ['first token not a number', 'corrupt', 'whole', prelude({}, { mode: 1, exactPlanes: notNumbers() })],
  ['first token elsewhere', 'corrupt', 'whole', prelude({}, { mode: 2, firstPosition: 1 })],
  ['first token unknown', 'wrong-profile', 'decode', prelude({ index: 2 }, { mode: 2 })],
  ['shiftMode', 'unsupported', 'whole', prelude({ shiftMode: 3 })],
  ['shift rows 1', 'corrupt', 'whole', prelude({ shiftMode: 2 })],
  [
    'shift rows 17',
    'corrupt',
    'whole',
    prelude({ shiftMode: 2, shifts: new Array(17).fill(new Array(33).fill(0)) }),
  ],
  [
    'shift row of a group',
    'corrupt',
    'whole',
    prelude({ shiftMode: 2, rowOfGroup: [2, 0], shifts: [new Array(33).fill(0), new Array(33).fill(0)] }),
  ],
  [
    'groups with shift rows',
    'wrong-profile',
    'decode',
    prelude({ shiftMode: 2, rowOfGroup: [0], shifts: [new Array(33).fill(0), new Array(33).fill(0)] }),
  ],
  ['unused shift', 'corrupt', 'whole', prelude({ shifts: [new Array(34).fill(-3)] })],
  ['prelude short', 'corrupt', 'whole', prelude({ shifts: [new Array(31).fill(0)] })],
  ['prelude long', 'corrupt', 'whole', prelude({ shifts: [new Array(35).fill(0)] })],
  [
    'prelude empty',
    'corrupt',
    'whole',
    changed((s) => Object.assign(s, { prelude: sealed(new Uint8Array(4)) })),
  ],
  ['segments without tokens', 'corrupt', 'whole', segmentsWithoutTokens],

  ['classShift 64', 'corrupt', 'whole', segment(0, (b) => put(b, 7, 64))],
  ['classShift -65', 'corrupt', 'whole', segment(0, (b) => put(b, 7, -65))],
  ['first state', 'corrupt', 'whole', segment(0, (b) => putU32(b, 8 + 4 * 31, 65535))],
  ['half a word', 'corrupt', 'whole', segment(8, (b) => resized(b, 1))],
  ['no room for states', 'corrupt', 'whole', segment(8, (b) => b.slice(0, 8 + 4 * 32 - 4))],
  ['escapeBytes too many', 'corrupt', 'whole', segment(0, (b) => put(b, 6, 1))],
  ['escapes in a refinement', 'corrupt', 'whole', segment(8, (b) => resized(put(b, 4, 2), 2))],
  ['last state', 'corrupt', 'decode', segment(0, (b) => put(b, 8, b[8]! ^ 1))],
  ['a word too few', 'corrupt', 'decode', segment(8, (b) => resized(b, -2))],
  ['a word too many', 'corrupt', 'decode', segment(8, (b) => resized(b, 2))],
  ['an escape byte too many', 'corrupt', 'decode', segment(0, (b) => resized(put(b, 4, b[4]! + 1), 1))],
  ['an escape byte too few', 'corrupt', 'decode', segment(0, (b) => put(b, 4, b[4]! - 2))],
  ['escape padding', 'corrupt', 'decode', changed(paddedEscapes, { maxInteger: 9000 })],
  ['escape zeros', 'corrupt', 'decode', segment(0, (b) => b.fill(0, b.length - b[4]!))],
  ['escape magnitude', 'corrupt', 'decode', changed(() => {}, { maxInteger: 2 ** 23, passes: [0, 0] })],
];

function notNumbers(): number[] {
  return profileOfInvalidChunks.firstTokens[0]!.planes.map((value, i) => (i === 7 ? Number.NaN : value));
}

/** Sets the last escape bit of the first segment whose escapes do not end with a byte. */
function paddedEscapes(spec: ChunkSpec): void {
  const padded = spec.segments.find(({ bytes }) => bytes[4]! > 0 && bytes.at(-1)! % 2 === 0)!;
  put(padded.bytes, padded.bytes.length - 1, padded.bytes.at(-1)! | 1);
  sealStart(padded.bytes);
}

function segmentsWithoutTokens(): Uint8Array {
  const { spec } = sampleChunk(profileOfInvalidChunks, 99, { tokenCount: 1, mode: 1 });
  const bytes = new Uint8Array(12);
  sealStart(bytes);
  spec.segments.push({ group: 0, band: 0, pass: 0, slopeBits: 0, bytes });
  for (const level of spec.levels) level.segments = 1;
  return writeChunk(spec);
}

function sealed(part: Uint8Array): Uint8Array {
  sealEnd(part);
  return part;
}
