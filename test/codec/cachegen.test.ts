/// <reference lib="esnext.float16" />
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CachegenModel, EncodeRequest } from '../../src/codec/codec.ts';
import { valuesPerToken } from '../../src/engine/planes.ts';
import { availableBackends, codeOf, outcome } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { seededRandom } from './support/random.ts';

const FOLDER = new URL('../vectors/cachegen/', import.meta.url);
const INVALID = new URL('invalid/', FOLDER);
const MODEL: CachegenModel = {
  modelFingerprint: '2a'.repeat(32),
  layers: 2,
  kvHeads: 2,
  keyHeadDim: 6,
  valueHeadDim: 3,
};
const { modelFingerprint: _, ...GEOMETRY } = MODEL;
const backends = await availableBackends();
const judge = backends[0]!;
const encoders = backends.filter(({ name }) => name !== 'reference');

function bytesOf(name: string, folder = FOLDER): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(name, folder)));
}

function planesOf(name: string): Uint16Array {
  return new Uint16Array(bytesOf(name).buffer);
}

function namesIn(folder: URL, pattern: RegExp): string[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  if (names.length === 0) throw new Error(`no vectors ${pattern} in ${folder.pathname}`);
  return names.sort();
}

/** Tokens that resemble the one before, in channels of several scales. */
function request(seed: number, tokenCount: number, exactFirstToken: boolean): EncodeRequest {
  const random = seededRandom(seed);
  const values = valuesPerToken(GEOMETRY) * tokenCount;
  let last = 0;
  const data = new Float16Array(values).map((_, i) => {
    last = 0.7 * last + (random() - 0.5) * 2 ** (i % 7);
    return last + (i % 5);
  });
  return {
    planes: {
      geometry: GEOMETRY,
      firstPosition: exactFirstToken ? 0 : 256,
      tokenCount,
      data: new Uint16Array(data.buffer),
    },
    chunkId: new Uint8Array(32).fill(7),
    exactFirstToken,
    firstTokenId: 1,
  };
}

describe.each(backends)('$name, codec 2', ({ codec }) => {
  test.each(namesIn(FOLDER, /^[^.]+\.kvl$/))('decodes %s', (name) => {
    const info = codec.validateChunk(bytesOf(name));
    expect(info).toMatchObject({ codec: 2, profileId: '0'.repeat(64), ...MODEL });
    const planes = codec.openCachegen(MODEL).decodeChunk(bytesOf(name));
    expect(planes).toMatchObject({ firstPosition: info.firstPosition, tokenCount: info.tokenCount });
    expectClosePlanes(planes.data, planesOf(name.replace(/kvl$/, 'planes')));
  });

  test('cuts a level and layers, and decodes them', () => {
    const [cutLevel] = namesIn(FOLDER, /\.level-standard\.kvl$/);
    const [cutLayers] = namesIn(FOLDER, /\.layers-1-1\.kvl$/);
    const whole = bytesOf(`${cutLevel!.split('.')[0]}.kvl`);
    const coder = codec.openCachegen(MODEL);
    expect(codec.cutChunk(whole, { level: 'standard' })).toEqual(bytesOf(cutLevel!));
    const standard = planesOf(cutLevel!.replace(/kvl$/, 'planes'));
    expectClosePlanes(coder.decodeChunk(whole, { level: 'standard' }).data, standard);
    expectClosePlanes(coder.decodeChunk(bytesOf(cutLevel!)).data, standard);
    const layers = codec.cutChunk(whole, { layers: [1, 1] });
    expect(layers).toEqual(bytesOf(cutLayers!));
    const [found, all] = [coder.decodeChunk(layers).data, coder.decodeChunk(whole).data];
    expectClosePlanes(found.slice(found.length / 2), all.slice(all.length / 2));
    const { endOffset } = codec.inspectChunk(whole).levels[0]!;
    expect(codec.cutChunk(whole, { maxBytes: endOffset })).toEqual(codec.cutChunk(whole, { level: 'draft' }));
  });

  test.each(namesIn(INVALID, /--/))('refuses %s', (name) => {
    const error = name.slice(0, name.indexOf('--'));
    const coder = codec.openCachegen(MODEL);
    expect(codeOf(() => coder.decodeChunk(bytesOf('valid.kvl', INVALID)))).toBe('none');
    expect(codeOf(() => coder.decodeChunk(bytesOf(name, INVALID)))).toBe(error);
    const validated = codeOf(() => codec.validateChunk(bytesOf(name, INVALID)));
    expect(validated).toBe(error === 'wrong-profile' ? 'none' : error);
  });

  test('refuses models beyond the limits of the format, a small budget, and use after close', () => {
    for (const wrong of [{ layers: 0 }, { layers: 513 }, { keyHeadDim: 1025 }, { modelFingerprint: '2a' }]) {
      expect(codeOf(() => codec.openCachegen({ ...MODEL, ...wrong }))).toBe('invalid-argument');
    }
    const chunk = bytesOf('valid.kvl', INVALID);
    expect(codeOf(() => codec.openCachegen(MODEL, { maxMemoryBytes: 10 }).decodeChunk(chunk))).toBe('limit');
    const other = codec.openCachegen({ ...MODEL, modelFingerprint: '00'.repeat(32) });
    expect(codeOf(() => other.decodeChunk(chunk))).toBe('wrong-profile');
    const coder = codec.openCachegen(MODEL);
    coder.close();
    expect(codeOf(() => coder.decodeChunk(chunk))).toBe('invalid-argument');
  });
});

describe.each(encoders)('$name, codec 2, encodes', ({ codec }) => {
  test('what every backend decodes alike, at every prefix', () => {
    const arbitrary = fc.tuple(
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.integer({ min: 1, max: 70 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(arbitrary, ([seed, tokens, exact]) => {
        const own = codec.openCachegen(MODEL);
        const judging = judge.codec.openCachegen(MODEL);
        const chunk = own.encodeChunk(request(seed, tokens, exact));
        const info = judge.codec.validateChunk(chunk);
        expect(codec.validateChunk(chunk)).toEqual(info);
        const ends = info.segments.map((_, i) =>
          info.segments.slice(i).reduce((at, s) => at - s.bytes, chunk.length),
        );
        for (const size of [...ends, ...ends.map((end) => end + 5), chunk.length, chunk.length - 1]) {
          for (const partial of [false, true]) {
            const found = outcome(() => own.decodeChunk(chunk.subarray(0, size), { partial }));
            const expected = outcome(() => judging.decodeChunk(chunk.subarray(0, size), { partial }));
            if ('value' in found && 'value' in expected)
              expectClosePlanes(found.value.data, expected.value.data);
            else expect(found).toEqual(expected);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  test('closer to the planes with every level', async () => {
    const wanted = request(5, 200, true);
    const coder = codec.openCachegen(MODEL);
    const chunk = await coder.encodeChunkAsync(wanted);
    expect(chunk).toEqual(coder.encodeChunk(wanted));
    const exact = new Float16Array(wanted.planes.data.buffer);
    const errors = codec.inspectChunk(chunk).levels.map(({ name }) => {
      const decoded = new Float16Array(coder.decodeChunk(chunk, { level: name }).data.buffer);
      return decoded.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0);
    });
    expect(errors[1]!).toBeLessThan(errors[0]! / 6);
    expect(errors[2]!).toBeLessThan(errors[1]! / 6);
    const again = await coder.decodeChunkAsync(chunk);
    expect(again).toEqual(coder.decodeChunk(chunk));
  });

  test('one level alone, or refuses one that it does not know', () => {
    const coder = codec.openCachegen(MODEL);
    const alone = coder.encodeChunk({ ...request(6, 100, true), onlyLevel: 'high' });
    expect(codec.inspectChunk(alone).levels.map(({ name }) => name)).toEqual(['high']);
    expect(codeOf(() => coder.encodeChunk({ ...request(6, 9, true), onlyLevel: 'best' }))).toBe(
      'unknown-level',
    );
    const other = { ...request(6, 9, true).planes, tokenCount: 8 };
    expect(codeOf(() => coder.encodeChunk({ ...request(6, 9, true), planes: other }))).toBe(
      'invalid-argument',
    );
  });
});
