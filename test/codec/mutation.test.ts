import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { availableBackends, outcome } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { sealEnd, sealStart } from './support/crc.ts';
import { makeSample } from './support/samples.ts';
import { sealHeader } from './support/write-chunk.ts';
import { sealProfile } from './support/write-profile.ts';

/** Set KVEDGE_SEED to look further; a failure prints its seed. */
const SEED = Number(process.env.KVEDGE_SEED ?? 20261123);
const RUNS = Number(process.env.KVEDGE_RUNS ?? 300);

const [judge, ...others] = await availableBackends();
const sample = makeSample('mutated', 5, { predictorRows: 1 }, { tokenCount: 33, mode: 1, shifted: true });
const goodInfo = judge!.codec.inspectChunk(sample.chunkBytes);

interface Mutation {
  /** Place, 0 to 1. */
  at: number;
  /** Bits to flip there. */
  bits: number;
}

const mutations = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), bits: fc.integer({ min: 1, max: 255 }) }),
  { minLength: 1, maxLength: 3 },
);

function mutate(bytes: Uint8Array, changes: Mutation[], from: number, to: number): Uint8Array {
  const copy = bytes.slice();
  for (const { at, bits } of changes) copy[from + Math.floor(at * (to - from - 1))]! ^= bits;
  return copy;
}

/** Makes every CRC of a chunk right, so that what is behind them is tested. */
function sealAll(chunk: Uint8Array): Uint8Array {
  let at = goodInfo.headerBytes + goodInfo.preludeBytes;
  sealEnd(chunk.subarray(goodInfo.headerBytes, at));
  for (const { bytes } of goodInfo.segments) {
    sealStart(chunk.subarray(at, at + bytes));
    at += bytes;
  }
  return sealHeader(chunk);
}

describe.each(others)('$name and the reference come to the same verdict', ({ codec }) => {
  console.log(`fast-check seed ${SEED}, ${RUNS} runs`);
  const options = { seed: SEED, numRuns: RUNS };
  const theirs = codec.loadProfile(sample.profileFile);
  const ours = judge!.codec.loadProfile(sample.profileFile);

  function compareChunk(chunk: Uint8Array): void {
    for (const partial of [false, true]) {
      const expected = outcome(() => ours.decodeChunk(chunk, { partial }));
      const found = outcome(() => theirs.decodeChunk(chunk, { partial }));
      if ('value' in expected && 'value' in found) {
        expectClosePlanes(found.value.data, expected.value.data);
      } else {
        expect(found).toEqual(expected);
      }
    }
    expect(outcome(() => codec.inspectChunk(chunk))).toEqual(outcome(() => judge!.codec.inspectChunk(chunk)));
    expect(outcome(() => codec.validateChunk(chunk))).toEqual(
      outcome(() => judge!.codec.validateChunk(chunk)),
    );
  }

  test('on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        compareChunk(bytes);
        expect(outcome(() => codec.loadProfile(bytes))).toEqual(
          outcome(() => judge!.codec.loadProfile(bytes)),
        );
      }),
      options,
    );
  });

  test('on a chunk with flipped bits', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        compareChunk(mutate(sample.chunkBytes, changes, 0, sample.chunkBytes.length));
      }),
      options,
    );
  });

  test('on a chunk with flipped bits in the header and a right CRC', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        const chunk = mutate(sample.chunkBytes, changes, 12, goodInfo.headerBytes);
        compareChunk(sealHeader(chunk));
      }),
      options,
    );
  });

  test('on a chunk with flipped bits in prelude and segments and right CRCs', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        compareChunk(
          sealAll(mutate(sample.chunkBytes, changes, goodInfo.headerBytes, sample.chunkBytes.length)),
        );
      }),
      options,
    );
  });

  test('on a chunk cut anywhere', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: sample.chunkBytes.length }), (size) => {
        compareChunk(sample.chunkBytes.subarray(0, size));
      }),
      options,
    );
  });

  test('on a profile with flipped bits and a right CRC', () => {
    fc.assert(
      fc.property(mutations, (changes) => {
        const file = sealProfile(mutate(sample.profileFile, changes, 0, sample.profileFile.length));
        const expected = outcome(() => judge!.codec.loadProfile(file).info);
        expect(outcome(() => codec.loadProfile(file).info)).toEqual(expected);
      }),
      options,
    );
  });
});
