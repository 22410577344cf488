/// <reference lib="esnext.float16" />
import { describe, expect, test } from 'vitest';
import type { EncodeRequest } from '../../src/codec/codec.ts';
import { availableBackends, codeOf } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { orthonormalProfile } from './support/orthonormal-profile.ts';
import { seededRandom } from './support/random.ts';
import { writeProfile } from './support/write-profile.ts';

const backends = await availableBackends();
const encoders = backends.filter(({ name }) => name !== 'reference');
const spec = orthonormalProfile(11);
const file = writeProfile(spec);
const VALUES_PER_TOKEN = 40;

const REQUESTS: [tokens: number, position: number, exact: boolean][] = [
  [1, 0, false],
  [1, 0, true],
  [33, 0, true],
  [256, 512, false],
];

/** Keys and values of the size that the profile's step is made for, smooth in nothing. */
function requestOf(tokenCount: number, firstPosition: number, exactFirstToken: boolean): EncodeRequest {
  const random = seededRandom(tokenCount);
  const values = Array.from({ length: tokenCount * VALUES_PER_TOKEN }, () => 8 * (random() - random()));
  return {
    planes: {
      geometry: spec.geometry,
      firstPosition,
      tokenCount,
      data: new Uint16Array(Float16Array.from(values).buffer),
    },
    chunkId: new Uint8Array(32).fill(0xab),
    exactFirstToken,
    firstTokenId: 99,
  };
}

function meanSquare(found: Uint16Array, wanted: Uint16Array): number {
  const a = new Float16Array(found.buffer, found.byteOffset, found.length);
  const b = new Float16Array(wanted.buffer, wanted.byteOffset, wanted.length);
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;
}

describe.each(encoders)('what $name encodes', ({ codec }) => {
  const profile = codec.loadProfile(file);

  describe.each(REQUESTS)('from %i tokens at %i, the first exact: %s', (tokenCount, position, exact) => {
    const request = requestOf(tokenCount, position, exact);
    const chunk = profile.encodeChunk(request);

    test('says what it is', () => {
      const info = codec.validateChunk(chunk);
      expect(info).toMatchObject({
        ...spec.geometry,
        chunkId: 'ab'.repeat(32),
        firstPosition: position,
        tokenCount,
        profileId: profile.info.profileId,
        modelFingerprint: spec.modelFingerprint,
        subset: false,
      });
      expect(info.levels.map(({ name }) => name)).toEqual(spec.levelNames);
    });

    test.each(backends)('decodes the same with $name', (other) => {
      const theirs = other.codec.loadProfile(file);
      for (const level of spec.levelNames) {
        const ours = profile.decodeChunk(chunk, { level });
        expectClosePlanes(theirs.decodeChunk(chunk, { level }).data, ours.data);
      }
    });

    test('comes closer to the planes with every level, and close with the last', () => {
      const errors = spec.levelNames.map((level) =>
        meanSquare(profile.decodeChunk(chunk, { level }).data, request.planes.data),
      );
      expect(errors).toEqual(errors.toSorted((a, b) => b - a));
      expect(errors[0]).toBeLessThan(spec.baseStep ** 2);
      expect(errors.at(-1)).toBeLessThan(1e-5);
    });

    test.each(spec.levelNames)('holds just %s when asked for it alone', (onlyLevel) => {
      const alone = profile.encodeChunk({ ...request, onlyLevel });
      expect(codec.validateChunk(alone).levels.map(({ name }) => name)).toEqual([onlyLevel]);
      const embedded = codec.cutChunk(chunk, { level: onlyLevel });
      const error = (bytes: Uint8Array) => meanSquare(profile.decodeChunk(bytes).data, request.planes.data);
      expect(error(alone)).toBeLessThan(1.25 * error(embedded) + 1e-9);
      for (const other of backends) {
        const theirs = other.codec.loadProfile(file).decodeChunk(alone);
        expectClosePlanes(theirs.data, profile.decodeChunk(alone).data);
      }
    });

    test('is the same when encoded and decoded off the thread', async () => {
      expect(await profile.encodeChunkAsync(request)).toEqual(chunk);
      expect(await profile.decodeChunkAsync(chunk)).toEqual(profile.decodeChunk(chunk));
    });
  });

  test('names the levels when asked for an unknown one', async () => {
    const request = { ...requestOf(5, 0, true), onlyLevel: 'ultra' };
    expect(codeOf(() => profile.encodeChunk(request))).toBe('unknown-level');
    await expect(profile.encodeChunkAsync(request)).rejects.toMatchObject({ code: 'unknown-level' });
  });

  test('keeps an exact first token bit for bit, and one of the table in one byte', () => {
    const { id, planes } = spec.firstTokens[1]!;
    const exact = Uint16Array.from({ length: VALUES_PER_TOKEN }, (_, i) => 0x3c01 + 7 * i);
    const known = new Uint16Array(Float16Array.from(planes).buffer);
    const encode = (data: Uint16Array, firstTokenId: number) =>
      profile.encodeChunk({
        planes: { geometry: spec.geometry, firstPosition: 0, tokenCount: 1, data },
        chunkId: new Uint8Array(32),
        exactFirstToken: true,
        firstTokenId,
      });
    for (const other of backends) {
      const theirs = other.codec.loadProfile(file);
      expect(theirs.decodeChunk(encode(exact, id)).data).toEqual(exact);
      expect(theirs.decodeChunk(encode(known, id)).data).toEqual(known);
      expect(theirs.decodeChunk(encode(known, 5)).data).toEqual(known);
    }
    expect(encode(known, 5).length - encode(known, id).length).toBe(2 * VALUES_PER_TOKEN - 1);
  });
});

test.runIf(encoders.length > 1)('two encoders write chunks of nearly the same size', () => {
  const sizes = encoders.map(
    ({ codec }) => codec.loadProfile(file).encodeChunk(requestOf(256, 0, true)).length,
  );
  expect(Math.max(...sizes)).toBeLessThan(1.01 * Math.min(...sizes));
});
