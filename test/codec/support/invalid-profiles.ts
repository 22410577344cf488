import type { CodecErrorCode } from '../../../src/codec/errors.ts';
import { put, putU32, resized } from './patch.ts';
import { sampleProfile } from './sample-profile.ts';
import { type GroupSpec, type ProfileSpec, sealProfile, writeProfile } from './write-profile.ts';

export type InvalidCase = [name: string, code: CodecErrorCode, bytes: () => Uint8Array];

/** A profile that differs from a good one in the fields that `change` sets; size and CRC are right. */
function changed(change: (spec: ProfileSpec) => unknown): () => Uint8Array {
  return () => {
    const spec = sampleProfile(77, { ropeLayout: 1, ropeFactors: true, predictorRows: 1 });
    change(spec);
    return writeProfile(spec);
  };
}

/** The same for a profile whose bases are products, with an odd number of rows in each part of the second group. */
function changedProduct(change: (group: GroupSpec) => unknown): () => Uint8Array {
  return () => {
    const geometry = { layers: 2, kvHeads: 1, keyHeadDim: 6, valueHeadDim: 5 };
    const spec = sampleProfile(78, { geometry, products: true });
    change(spec.groups[1]!);
    return writeProfile(spec);
  };
}

const good = changed(() => {});

/** A good file whose bytes `change` touches (and may seal again). */
function patched(change: (file: Uint8Array) => Uint8Array): () => Uint8Array {
  return () => change(good());
}

/** One wrong thing each, with the error that docs/format.md, sections 4 and 9, names. */
export const invalidProfiles: InvalidCase[] = [
  ['empty', 'truncated', () => new Uint8Array()],
  ['three bytes', 'truncated', () => good().slice(0, 3)],
  ['magic only', 'truncated', () => good().slice(0, 4)],
  ['without its last byte', 'truncated', () => good().slice(0, -1)],
  ['magic', 'bad-magic', changed((s) => Object.assign(s, { magic: 'KVLC' }))],
  ['version', 'unsupported', changed((s) => Object.assign(s, { version: 2 }))],
  ['reserved', 'unsupported', changed((s) => Object.assign(s, { reserved: 1 }))],
  ['bytes follow', 'corrupt', () => resized(good(), 1)],
  ['fileBytes above the limit', 'limit', patched((f) => putU32(f, 8, 2 ** 29 + 1))],
  ['fileBytes tiny', 'corrupt', patched((f) => putU32(f, 8, 5))],
  ['CRC', 'corrupt', patched((f) => put(f, 60, f[60]! ^ 1))],
  ['fields run out', 'truncated', patched((f) => sealProfile(f.slice(0, 200)))],
  ['fields leave bytes over', 'corrupt', patched((f) => sealProfile(resized(f, 1)))],

  ['no layers', 'corrupt', changed((s) => Object.assign(s, { geometry: { ...s.geometry, layers: 0 } }))],
  ['layers', 'limit', changed((s) => Object.assign(s, { geometry: { ...s.geometry, layers: 513 } }))],
  ['kvHeads', 'limit', changed((s) => Object.assign(s, { geometry: { ...s.geometry, kvHeads: 513 } }))],
  [
    'keyHeadDim',
    'limit',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, keyHeadDim: 1025 } })),
  ],
  [
    'valueHeadDim',
    'limit',
    changed((s) => Object.assign(s, { geometry: { ...s.geometry, valueHeadDim: 1025 } })),
  ],
  [
    'values of one token',
    'limit',
    changed((s) =>
      Object.assign(s, { geometry: { layers: 512, kvHeads: 2, keyHeadDim: 1024, valueHeadDim: 1 } }),
    ),
  ],

  ['ropeLayout', 'unsupported', changed((s) => Object.assign(s.rope, { layout: 3 }))],
  ['ropeDims odd', 'corrupt', changed((s) => Object.assign(s.rope, { dims: 3, factors: [] }))],
  ['ropeDims too many', 'corrupt', changed((s) => Object.assign(s.rope, { dims: 8, factors: [] }))],
  ['ropeDims without layout', 'corrupt', changed((s) => Object.assign(s.rope, { layout: 0, factors: [] }))],
  ['ropeFactorCount', 'corrupt', changed((s) => s.rope.factors.push(1))],
  ['ropeFreqBase 0', 'corrupt', changed((s) => Object.assign(s.rope, { freqBase: 0 }))],
  ['ropeFreqBase infinite', 'corrupt', changed((s) => Object.assign(s.rope, { freqBase: Infinity }))],
  ['ropeFreqScale', 'corrupt', changed((s) => Object.assign(s.rope, { freqScale: -1 }))],
  ['ropeFactor 0', 'corrupt', changed((s) => put(s.rope.factors, 0, 0))],
  ['ropeFactor NaN', 'corrupt', changed((s) => put(s.rope.factors, 0, Number.NaN))],

  ['baseStep 0', 'corrupt', changed((s) => Object.assign(s, { baseStep: 0 }))],
  ['baseStep NaN', 'corrupt', changed((s) => Object.assign(s, { baseStep: Number.NaN }))],
  ['no levels', 'corrupt', changed((s) => Object.assign(s, { levelNames: [] }))],
  [
    'levels',
    'corrupt',
    changed((s) => Object.assign(s, { levelNames: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] })),
  ],
  ['level name empty', 'corrupt', changed((s) => put(s.levelNames, 0, ''))],
  ['level name upper-case', 'corrupt', changed((s) => put(s.levelNames, 0, 'Draft'))],
  ['level name with a hole', 'corrupt', changed((s) => put(s.levelNames, 0, 'a\0b'))],
  ['level names equal', 'corrupt', changed((s) => put(s.levelNames, 1, s.levelNames[0]!))],
  ['kldPerDistortion', 'corrupt', changed((s) => Object.assign(s, { kldPerDistortion: -1 }))],
  ['kldPerDistortion NaN', 'corrupt', changed((s) => Object.assign(s, { kldPerDistortion: Number.NaN }))],
  ['mean', 'corrupt', changed((s) => put(s.planes[3]!.mean, 7, Number.NEGATIVE_INFINITY))],
  ['weight 0', 'corrupt', changed((s) => put(s.planes[0]!.weight, 0, 0))],
  ['weight NaN', 'corrupt', changed((s) => put(s.planes[3]!.weight, 7, Number.NaN))],

  ['no classes', 'corrupt', changed((s) => Object.assign(s, { classes: [] }))],
  ['classes', 'corrupt', changed((s) => Object.assign(s, { classes: new Array(97).fill(s.classes[0]) }))],
  ['A 0', 'corrupt', changed((s) => Object.assign(s.classes[0]!, { maxMagnitude: 0 }))],
  ['A 16', 'corrupt', changed((s) => Object.assign(s.classes[0]!, { maxMagnitude: 16 }))],
  ['escapeOrder', 'corrupt', changed((s) => Object.assign(s.classes[0]!, { escapeOrder: 16 }))],
  ['frequency 0', 'corrupt', changed((s) => Object.assign(s.classes[1]!, { zero: [0, 4095, 1] }))],
  ['frequencies short of 4096', 'corrupt', changed((s) => s.classes[1]!.base[2]!--)],
  ['frequencies above 4096', 'corrupt', changed((s) => s.classes[39]!.nonzero[2]!++)],
  [
    'frequencies that wrap',
    'corrupt',
    changed((s) => Object.assign(s.classes[39]!, { zero: [65535, 1, 4096] })),
  ],

  ['no groups', 'corrupt', changed((s) => Object.assign(s, { groups: [] }))],
  ['no members', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { members: [] }))],
  ['members', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { members: [0, 1, 2, 3, 4] }))],
  ['member unknown', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { members: [0, 4] }))],
  ['member twice', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { members: [2, 2] }))],
  ['d of a group', 'limit', largeGroup],
  ['rank 0', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { rank: 0 }))],
  ['rank above d', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { rank: 25 }))],
  ['no bands', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { bandEnds: [] }))],
  [
    'bands',
    'corrupt',
    changed((s) => Object.assign(s.groups[0]!, { bandEnds: Array.from({ length: 17 }, (_, b) => b) })),
  ],
  ['band empty', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { bandEnds: [2, 2, 9] }))],
  ['first band empty', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { bandEnds: [0, 2, 9] }))],
  ['bands short of rank', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { bandEnds: [2, 5, 8] }))],
  ['bands beyond rank', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { bandEnds: [2, 5, 10] }))],
  ['no blocks', 'corrupt', changed((s) => Object.assign(s.groups[0]!, { blocks: [] }))],
  [
    'blocks',
    'corrupt',
    changed((s) => Object.assign(s.groups[0]!, { blocks: new Array(9).fill(s.groups[0]!.blocks[1]) })),
  ],
  ['block type', 'unsupported', changed((s) => Object.assign(s.groups[0]!.blocks[0]!, { type: 4 }))],
  ['block empty', 'corrupt', changed((s) => s.groups[0]!.blocks.push({ type: 1, scales: [], columns: [] }))],
  ['columns short of rank', 'corrupt', changed((s) => s.groups[0]!.blocks[1]!.columns.pop())],
  ['columns beyond rank', 'corrupt', changed((s) => s.groups[0]!.blocks[1]!.columns.push([]))],
  ['scale of a column', 'corrupt', changed((s) => put(s.groups[0]!.blocks[0]!.scales, 1, Number.NaN))],
  ['no parts', 'corrupt', changedProduct((g) => Object.assign(g, { parts: [] }))],
  ['part without members', 'corrupt', changedProduct((g) => Object.assign(g.parts![0]!, { memberCount: 0 }))],
  ['members left over', 'corrupt', changedProduct((g) => g.parts!.pop())],
  ['members missing', 'corrupt', changedProduct((g) => Object.assign(g.parts![1]!, { memberCount: 2 }))],
  ['part without columns', 'corrupt', changedProduct((g) => Object.assign(g.parts![0]!, { blocks: [] }))],
  [
    'block type of a part',
    'unsupported',
    changedProduct((g) => Object.assign(g.parts![0]!.blocks[0]!, { type: 4 })),
  ],
  ['more columns than the mix has rows', 'corrupt', changedProduct((g) => g.parts![0]!.blocks.pop())],
  [
    'unused half of an i4 column',
    'corrupt',
    changedProduct((g) => g.parts![0]!.blocks[0]!.columns[0]!.push(1)),
  ],
  ['f16 of a column', 'corrupt', changed((s) => put(s.groups[1]!.blocks[1]!.columns[4]!, 0, Infinity))],

  [
    'first tokens',
    'corrupt',
    changed((s) => Object.assign(s, { firstTokens: new Array(17).fill(s.firstTokens[0]) })),
  ],
  [
    'first tokens equal',
    'corrupt',
    changed((s) => Object.assign(s.firstTokens[1]!, { id: s.firstTokens[0]!.id })),
  ],
  ['first token not finite', 'corrupt', changed((s) => put(s.firstTokens[1]!.planes, 39, Infinity))],
  ['predictor kind', 'unsupported', changed((s) => Object.assign(s, { predictorKind: 3 }))],
  ['predictor short', 'truncated', changed((s) => Object.assign(s, { predictor: s.predictor.slice(0, -4) }))],
  [
    'predictor long',
    'corrupt',
    changed((s) => Object.assign(s, { predictor: Uint8Array.of(...s.predictor, 0) })),
  ],
  ['energyUnit 0', 'corrupt', changed((s) => s.predictor.fill(0, 8, 12))],
  ['gamma NaN', 'corrupt', changed((s) => s.predictor.fill(255, 0, 4))],
  ['beta NaN', 'corrupt', changed((s) => s.predictor.fill(255, -4))],
];

/** A group over two planes of 32 heads x 1024: twice the limit. */
function largeGroup(): Uint8Array {
  const spec = sampleProfile(77, { ropeLayout: 0 });
  spec.geometry = { layers: 1, kvHeads: 32, keyHeadDim: 1024, valueHeadDim: 1024 };
  const table = () => new Array(32768).fill(1);
  spec.planes = [0, 1].map(() => ({ mean: table(), weight: table() }));
  spec.groups[0]!.members = [0, 1];
  return writeProfile(spec);
}
