import { type ChunkOptions, type SampleChunk, sampleChunk } from './sample-chunk.ts';
import { type ProfileOptions, sampleProfile } from './sample-profile.ts';
import { writeChunk } from './write-chunk.ts';
import { type ProfileSpec, writeProfile } from './write-profile.ts';

export interface Sample {
  name: string;
  profile: ProfileSpec;
  profileFile: Uint8Array;
  chunk: SampleChunk;
  chunkBytes: Uint8Array;
}

const CASES: [name: string, profile: ProfileOptions, chunk: ChunkOptions][] = [
  ['one token', {}, { tokenCount: 1 }],
  ['one token, exact: no segments', {}, { tokenCount: 1, mode: 1 }],
  ['31 tokens', { ropeLayout: 2 }, { tokenCount: 31, shifted: true }],
  ['32 tokens', { ropeLayout: 0 }, { tokenCount: 32, shifted: true }],
  ['33 tokens, the first exact', { ropeFactors: true }, { tokenCount: 33, mode: 1, shifted: true }],
  ['first token from the profile', { ropeLayout: 2 }, { tokenCount: 34, mode: 2, shifted: true }],
  ['256 tokens far away', { ropeLayout: 2, predictorRows: 1 }, { tokenCount: 256, firstPosition: 100_000 }],
  ['position above 2^24', {}, { tokenCount: 2, firstPosition: 2 ** 24 + 1 }],
  ['passes 2 to 5', { predictorRows: 1 }, { tokenCount: 40, passes: [2, 5], shifted: true, maxInteger: 900 }],
  [
    'all six passes',
    { ropeFactors: true, ropeLayout: 2 },
    { passes: [0, 5], tokenCount: 70, maxInteger: 9000 },
  ],
  ['long escapes', {}, { tokenCount: 20, passes: [0, 0], maxInteger: 2 ** 20, classShift: -40 }],
  ['three rows of shifts', { predictorRows: 3 }, { tokenCount: 45, shifted: true, shiftRows: 3 }],
  ['rows of shifts, the first exact', {}, { tokenCount: 34, mode: 1, shifted: true, shiftRows: 2 }],
  ['one class', { classCount: 1 }, { tokenCount: 50, shifted: true, classShift: 63 }],
  ['96 classes, shifted down', { classCount: 96 }, { tokenCount: 50, shifted: true, classShift: -64 }],
  ['all zero', {}, { tokenCount: 64, maxInteger: 0 }],
  ['bases that are products', { products: true }, { tokenCount: 64, shifted: true }],
  [
    'columns of 4 bits and an odd number of rows',
    { products: true, geometry: { layers: 2, kvHeads: 1, keyHeadDim: 6, valueHeadDim: 5 } },
    { tokenCount: 40 },
  ],
];

export function makeSample(
  name: string,
  seed: number,
  profileOptions: ProfileOptions = {},
  chunkOptions: ChunkOptions = {},
): Sample {
  const profile = sampleProfile(seed, profileOptions);
  const chunk = sampleChunk(profile, seed + 1000, chunkOptions);
  return { name, profile, profileFile: writeProfile(profile), chunk, chunkBytes: writeChunk(chunk.spec) };
}

/** Chunks made by test code from docs/format.md, not by any backend. */
export const samples: Sample[] = CASES.map(([name, profile, chunk], i) =>
  makeSample(name, i + 1, profile, chunk),
);
