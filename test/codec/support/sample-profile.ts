import type { KvGeometry } from '../../../src/engine/planes.ts';
import { ByteWriter } from './byte-writer.ts';
import { seededRandom, wholeNumber } from './random.ts';
import type { ClassSpec, GroupSpec, ProfileSpec } from './write-profile.ts';

export interface ProfileOptions {
  geometry?: KvGeometry;
  /** 0, 1 or 2. */
  ropeLayout?: number;
  ropeFactors?: boolean;
  /** Rows of shifts that the predictor gives; default: no predictor. */
  predictorRows?: number;
  classCount?: number;
  /** Products of matrices, with columns of 4 bits. */
  products?: boolean;
}

const SMALL: KvGeometry = { layers: 2, kvHeads: 2, keyHeadDim: 6, valueHeadDim: 4 };

/** A small profile with overlapping groups, both block types, escapes and a plane that no group holds. */
export function sampleProfile(seed: number, options: ProfileOptions = {}): ProfileSpec {
  const random = seededRandom(seed);
  const signed = (scale: number) => (2 * random() - 1) * scale;
  const geometry = options.geometry ?? SMALL;
  const dims = [geometry.kvHeads * geometry.keyHeadDim, geometry.kvHeads * geometry.valueHeadDim];
  const dimOf = (plane: number) => dims[plane % 2]!;
  const numbers = (count: number, make: () => number) => Array.from({ length: count }, make);
  const groups = [
    [0, 2],
    [1, 2],
  ].map((members) => (options.products ? sampleProduct : sampleGroup)(random, members, members.map(dimOf)));
  const layout = options.ropeLayout ?? 1;
  const ropeDims = layout === 0 ? 0 : geometry.keyHeadDim - 2;
  return {
    magic: 'KVEP',
    version: 1,
    reserved: 0,
    modelFingerprint: '5a'.repeat(32),
    geometry,
    rope: {
      layout,
      dims: ropeDims,
      freqBase: layout === 0 ? 0 : 10000,
      freqScale: layout === 0 ? 1 : 0.5,
      factors: options.ropeFactors ? numbers(ropeDims / 2, () => 1 + random()) : [],
    },
    baseStep: 0.25,
    levelNames: ['draft', 'l2', 'l3', 'l4', '-', 'near-lossless'],
    kldPerDistortion: 0.001,
    planes: numbers(2 * geometry.layers, () => 0).map((_, plane) => ({
      mean: numbers(dimOf(plane), () => signed(2)),
      weight: numbers(dimOf(plane), () => 0.5 + random()),
    })),
    classes: numbers(options.classCount ?? 40, () => 0).map((_, k) => sampleClass(random, k)),
    groups,
    firstTokens: [1, 7].map((id) => ({ id, planes: numbers(sum(dims) * geometry.layers, () => signed(30)) })),
    predictorKind: Math.min(options.predictorRows ?? 0, 2),
    predictor: samplePredictor(groups, options.predictorRows ?? 0),
  };
}

function sampleGroup(random: () => number, members: number[], dims: number[]): GroupSpec {
  const dim = sum(dims);
  const rank = Math.min(9, dim);
  const integers = Array.from({ length: 4 }, () =>
    Array.from({ length: dim }, () => wholeNumber(random, -128, 127)),
  );
  const halves = Array.from({ length: rank - 4 }, () => Array.from({ length: dim }, () => 2 * random() - 1));
  return {
    members,
    rank,
    bandEnds: [2, 5, rank],
    scaleExponents: Array.from({ length: rank }, (_, i) => 10 - i),
    blocks: [
      { type: 2, scales: integers.map((_, i) => (i + 1) / 512), columns: integers },
      { type: 1, scales: [], columns: halves },
    ],
  };
}

/** A part for each member; the mix has one row more than columns. */
function sampleProduct(random: () => number, members: number[], dims: number[]): GroupSpec {
  const integers = (columns: number, rows: number, largest: number) =>
    Array.from({ length: columns }, () =>
      Array.from({ length: rows }, () => wholeNumber(random, -largest - 1, largest)),
    );
  const group = sampleGroup(
    random,
    members,
    members.map(() => 5),
  );
  const parts = dims.map((dim) => ({
    memberCount: 1,
    blocks: [
      { type: 3, scales: [1 / 8, 1 / 16], columns: integers(2, dim, 7) },
      { type: 2, scales: [1 / 128, 1 / 200, 1 / 300], columns: integers(3, dim, 127) },
    ],
  }));
  return { ...group, parts };
}

/** Frequencies that fall off on both sides of zero; class k is wider than class k - 1. */
function sampleClass(random: () => number, k: number): ClassSpec {
  const maxMagnitude = 1 + (k % 15);
  const width = 0.2 * 3 ** (k / 8);
  const bell = Array.from({ length: 2 * maxMagnitude + 1 }, (_, s) =>
    Math.exp(-Math.abs(s - maxMagnitude) / width),
  );
  return {
    maxMagnitude,
    escapeOrder: k % 4,
    base: toFrequencies([...bell, 0.01 + random() * 0.01]),
    zero: toFrequencies([0.2 + random(), 2, 0.2 + random()]),
    nonzero: toFrequencies([0.5 + random(), 1, 0.5 + random()]),
  };
}

/** Whole numbers of at least 1 that sum to 4096. */
export function toFrequencies(shares: number[]): number[] {
  const total = sum(shares);
  const freqs = shares.map((share) => 1 + Math.floor((share / total) * (4096 - shares.length)));
  const largest = freqs.indexOf(Math.max(...freqs));
  freqs[largest]! += 4096 - sum(freqs);
  return freqs;
}

function samplePredictor(groups: GroupSpec[], rows: number): Uint8Array {
  if (rows === 0) return new Uint8Array();
  const w = new ByteWriter().f32(0.5).u16(3).u16(4).f32(1.5);
  if (rows > 1) w.u8(rows).bytes(groups.map((_, g) => g % rows));
  w.f32(...new Array<number>(rows).fill(-0.25));
  for (const { rank } of groups) {
    for (let i = 0; i <= Math.min(3, rank); i++)
      w.f32(i, 1 / (1 + i), ...new Array<number>(rows).fill(0.125 * i));
  }
  return w.finish();
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
