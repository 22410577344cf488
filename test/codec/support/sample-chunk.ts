import { createHash } from 'node:crypto';
import { seededRandom, wholeNumber } from './random.ts';
import { type ChunkSpec, type PreludeSpec, type SegmentSpec, writePrelude } from './write-chunk.ts';
import { type ProfileSpec, writeProfile } from './write-profile.ts';
import { writeSegment } from './write-segment.ts';

export interface ChunkOptions {
  tokenCount?: number;
  firstPosition?: number;
  /** firstTokenMode: 0, 1 or 2. */
  mode?: number;
  /** Planes of the first token in mode 1. */
  exactPlanes?: number[];
  /** Whether tokens have shifts of their own. */
  shifted?: boolean;
  /** Rows of shifts that the groups take in turn; default: one. */
  shiftRows?: number;
  /** First and last pass of every band. */
  passes?: [first: number, last: number];
  classShift?: number;
  /** Largest magnitude of an integer of the last pass. */
  maxInteger?: number;
}

export interface SampleChunk {
  spec: ChunkSpec;
  prelude: PreludeSpec;
  /** Integer of a coded token's coefficient at a pass. */
  integer(group: number, token: number, coefficient: number, pass: number): number;
}

/** A chunk of random integers for a profile; pass by pass, in each pass group by group and band by band. */
export function sampleChunk(profile: ProfileSpec, seed: number, options: ChunkOptions = {}): SampleChunk {
  const random = seededRandom(seed);
  const { tokenCount = 5, mode = 0, firstPosition = mode === 2 ? 0 : 3, passes = [0, 2] } = options;
  const coded = tokenCount - (mode === 0 ? 0 : 1);
  const { shiftRows = 1 } = options;
  const shifts = Array.from({ length: shiftRows }, () =>
    Array.from({ length: coded }, () => (options.shifted ? wholeNumber(random, -11, 4) : 0)),
  );
  const rowOfGroup = profile.groups.map((_, g) => g % shiftRows);
  const shiftMode = !options.shifted ? 0 : shiftRows === 1 ? 1 : 2;
  const prelude: PreludeSpec = { mode, index: 1, shiftMode, shifts, rowOfGroup };
  if (mode === 1)
    prelude.exactPlanes = options.exactPlanes ?? profile.firstTokens[0]!.planes.map((value) => -value);

  const max = options.maxInteger ?? 60;
  const finest = profile.groups.map(({ rank }) =>
    Array.from({ length: coded * rank }, () => Math.round((2 * random() - 1) ** 5 * max)),
  );
  const integer = (group: number, token: number, coefficient: number, pass: number) => {
    let q = finest[group]![token * profile.groups[group]!.rank + coefficient]!;
    for (let p = passes[1]; p > pass; p--) q = Math.round(q / 3);
    return q + 0;
  };

  const segments: SegmentSpec[] = [];
  for (let pass = passes[0]; coded > 0 && pass <= passes[1]; pass++) {
    for (const [g, group] of profile.groups.entries()) {
      for (const band of group.bandEnds.keys()) {
        const bytes = writeSegment({
          classes: profile.classes,
          group,
          band,
          pass,
          firstPass: passes[0],
          classShift: options.classShift ?? 0,
          shifts: shifts[rowOfGroup[g]!]!,
          integer: (token, coefficient, at) => integer(g, token, coefficient, at),
        });
        segments.push({ group: g, band, pass, slopeBits: 0x4000 - segments.length, bytes });
      }
    }
  }
  const spec: ChunkSpec = {
    magic: 'KVLC',
    version: 1,
    codec: 1,
    flags: 0,
    modelFingerprint: profile.modelFingerprint,
    profileId: createHash('sha256').update(writeProfile(profile)).digest('hex'),
    chunkId: 'c4'.repeat(32),
    firstPosition,
    tokenCount,
    geometry: profile.geometry,
    levels: [
      { name: 'draft', segments: Math.ceil(segments.length / 3), predictedKld: 0.5 },
      { name: 'near-lossless', segments: segments.length, predictedKld: 0.0625 },
    ],
    prelude: writePrelude(prelude),
    segments,
  };
  return { spec, prelude, integer };
}
