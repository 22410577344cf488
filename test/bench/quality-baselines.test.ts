import { describe, expect, it } from 'vitest';
import { asFloat16 } from '../../bench/quality/baselines/float16.ts';
import { allocateBits, allocateWithin, groupChoices } from '../../bench/quality/baselines/kvtc/allocate.ts';
import { packCoefficients, packSymbols } from '../../bench/quality/baselines/kvtc/pack.ts';
import {
  binsOf,
  codedBytes,
  LMCACHE_SETTINGS,
  lmcache,
  quantize,
} from '../../bench/quality/baselines/lmcache.ts';
import { paperCachegen } from '../../bench/quality/baselines/paper-cachegen.ts';
import { allocatePlanes, type KvGeometry } from '../../src/engine/planes.ts';

const GEOMETRY: KvGeometry = { layers: 1, kvHeads: 1, keyHeadDim: 2, valueHeadDim: 2 };

function planesOf(keys: number[], values: number[], firstPosition = 256) {
  const planes = allocatePlanes(GEOMETRY, firstPosition, keys.length / 2);
  asFloat16(planes.data).set([...keys, ...values]);
  return planes;
}

describe("LMCache's CacheGen", () => {
  const shipped = LMCACHE_SETTINGS.find(({ name }) => name === '32-16')!;

  it('has 32 bins in the first 10 layers of keys and 2 of values, and 16 in the others', () => {
    const of = (kind: 'key' | 'value') =>
      [0, 1, 2, 9, 10, 29].map((layer) => binsOf(shipped.bins, layer, kind));
    expect(of('key')).toEqual([32, 32, 32, 32, 16, 16]);
    expect(of('value')).toEqual([32, 32, 16, 16, 16, 16]);
  });

  it('quantizes by the largest magnitude of a row, half to even', () => {
    const row = new Uint16Array(Float16Array.of(7, -3.5, 1, 0.5, -14, 5).buffer);
    const { symbols, maxima, values } = quantize(row, 3, 16);
    expect([...maxima]).toEqual([7, 14]);
    // Symbols are 7 more than the indices 7, -3.5 -> -4, 1, and 0.25 -> 0, -7, 2.5 -> 2.
    expect([...symbols]).toEqual([14, 3, 8, 7, 0, 9]);
    expect([...values]).toEqual([7, -4, 1, 0, -14, 4]);
  });

  it('counts tables, lengths and streams of every channel as they travel', () => {
    // One channel, 4 tokens, symbols 0 0 1 1: 1 bit each and 2 of the end are 1 byte; 4 of length; 17 entries of 2.
    expect(codedBytes(Uint8Array.of(0, 0, 1, 1), 1, 16)).toBe(1 + 4 + 2 * 17);
    // A constant channel takes next to nothing but the end of its stream.
    expect(codedBytes(new Uint8Array(256), 1, 16)).toBe(1 + 4 + 2 * 17);
  });

  it('adds up planes: maxima at 2 bytes a token, and every channel', () => {
    const { bytes, planes } = lmcache(planesOf([1, -1, 2, 2], [0, 0, 3, -3]), shipped.bins);
    expect(bytes).toBe(2 * (2 * 2 + 2 * (1 + 4 + 2 * 33)));
    expect([...asFloat16(planes.data)]).toEqual([1, -1, 2, 2, 0, 0, 3, -3]);
  });
});

describe("the paper's CacheGen", () => {
  const tables = {
    anchorSpan: 2,
    anchorLevels: 127,
    alphabet: 1,
    anchorCosts: new Float32Array(4 * 255).fill(3),
    settings: [],
  };
  // -1, 0, 1 and escape, the same in every channel.
  const setting = {
    name: 'test',
    steps: [0.5, 1],
    costs: Float32Array.from({ length: 16 }, (_, i) => [2, 1, 2, 5][i % 4]!),
  };

  it('codes anchors by 127ths of their row and others as differences from them', () => {
    const planes = planesOf([127, 0, 127.5, -0.5], [0, 127, -1, 127]);
    const coded = paperCachegen(planes, tables, setting);
    expect([...asFloat16(coded.planes.data)]).toEqual([127, 0, 127.5, -0.5, 0, 127, -1, 127]);
    // Two anchors of 16 bits of scale and two symbols; differences +1, -1 and -1, 0.
    expect(coded.bytes).toBe(Math.ceil((2 * (16 + 6) + 2 + 2 + 2 + 1) / 8));
  });

  it('escapes what the alphabet lacks, and keeps the first token of a context exactly', () => {
    const planes = planesOf([9, 9, 127, 0, 129, 0], [9, 9, 127, 0, 127, 0], 0);
    const coded = paperCachegen(planes, tables, setting);
    expect([...asFloat16(coded.planes.data)]).toEqual([...asFloat16(planes.data)]);
    // 4 exact values; difference 4 steps: escape, then 3 as an Elias-gamma code with its sign.
    expect(coded.bytes).toBe(Math.ceil((4 * 16 + 2 * (16 + 6) + 5 + 4 + 1 + 1 + 1) / 8));
  });
});

describe('KVTC bit allocation', () => {
  /** 64 components of 64 tokens, the first 16 a hundred times larger than the rest. */
  const values = Float32Array.from({ length: 64 * 64 }, (_, i) => {
    const [token, component] = [i >> 6, i & 63];
    return Math.sin(1 + token * 12.9898 + component * 78.233) * (component < 16 ? 100 : 1);
  });
  const choices = groupChoices({ values, tokens: 64, rank: 64 });

  it('tiles the components and gives bits where variance is', () => {
    const { groups } = allocateBits(choices, 1);
    expect(groups.reduce((sum, { size }) => sum + size, 0)).toBe(64);
    groups.reduce((end, { start, size }) => {
      expect(start).toBe(end);
      return start + size;
    }, 0);
    const bits = (component: number) =>
      groups.find(({ start, size }) => component >= start && component < start + size)!.bits;
    expect(bits(0)).toBeGreaterThan(bits(40));
  });

  it('spends nothing when bits are dear, and is least in error + lambda x bits', () => {
    expect(allocateBits(choices, 1e9)).toMatchObject({ bitsPerToken: 0 });
    const total = (lambda: number, of: number) => {
      const { groups, bitsPerToken } = allocateBits(choices, lambda);
      const error = groups.reduce(
        (sum, group) =>
          sum +
          choices[group.start]!.find(({ size, bits }) => size === group.size && bits === group.bits)!.error,
        0,
      );
      return error + of * bitsPerToken;
    };
    for (const lambda of [0.01, 1, 10, 100]) {
      for (const other of [0.1, 5, 50])
        expect(total(lambda, lambda)).toBeLessThanOrEqual(total(other, lambda) + 1e-6);
    }
  });

  it('keeps to a budget', () => {
    for (const budget of [0, 64, 200, 400]) {
      const [groups] = allocateWithin([choices], budget);
      const spent = groups!.reduce(
        (sum, { size, bits }) => sum + (bits > 0 && size > 1 ? size * bits + 32 : bits),
        0,
      );
      expect(spent).toBeLessThanOrEqual(budget);
      if (budget > 100) expect(spent).toBeGreaterThan(0.5 * budget);
    }
  });

  it('packs symbols so that they can be read back, and restores within half a step', () => {
    const packed = packSymbols([
      { symbols: [5, 2, 7], bits: 3 },
      { symbols: [255], bits: 8 },
    ]);
    expect([...packed]).toEqual([0b11_010_101, 0b1111_1111, 0b1]);
    const groups = [{ start: 0, size: 64, bits: 8 }];
    const { restored, bytes } = packCoefficients(values, 64, groups);
    expect(bytes).toBeGreaterThan(0);
    restored.forEach((value, i) => {
      expect(Math.abs(value - values[i]!)).toBeLessThan(0.6);
    });
  });
});
