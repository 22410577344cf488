import { describe, expect, test } from 'vitest';
import { availableBackends, codeOf, outcome } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { resized } from './support/patch.ts';
import { sampleChunk } from './support/sample-chunk.ts';
import { sampleProfile } from './support/sample-profile.ts';
import { makeSample } from './support/samples.ts';
import { type ChunkSpec, writeChunk } from './support/write-chunk.ts';
import { type ProfileSpec, writeProfile } from './support/write-profile.ts';

const backends = await availableBackends();
const judge = backends[0]!.codec;

/** Legal, but at the rim of what docs/format.md says. */
const legalProfiles: [name: string, change: (spec: ProfileSpec) => unknown][] = [
  [
    'ropeFreqBase is ignored without rope',
    (s) => Object.assign(s.rope, { layout: 0, dims: 0, freqBase: -1 }),
  ],
  ['ropeDims 0 with rope', (s) => Object.assign(s.rope, { dims: 0 })],
  ['kldPerDistortion -0', (s) => Object.assign(s, { kldPerDistortion: -0 })],
  ['negative and zero column scales', (s) => s.groups[0]!.blocks[0]!.scales.splice(0, 2, -1, 0)],
  ['no first tokens', (s) => Object.assign(s, { firstTokens: [] })],
  ['tiny weights: sums that overflow', (s) => s.planes[0]!.weight.fill(1e-38)],
  ['huge means', (s) => s.planes[1]!.mean.fill(3e38)],
];

describe.each(legalProfiles)('profile: %s', (_name, change) => {
  const spec = sampleProfile(31);
  change(spec);
  const file = writeProfile(spec);
  const chunk = writeChunk(sampleChunk(spec, 32, { tokenCount: 40 }).spec);

  test.each(backends)('$name', ({ codec }) => {
    const expected = judge.loadProfile(file).decodeChunk(chunk);
    expectClosePlanes(codec.loadProfile(file).decodeChunk(chunk).data, expected.data);
  });
});

const legalChunks: [name: string, change: (spec: ChunkSpec) => unknown][] = [
  ['predictedKld -0', (s) => Object.assign(s.levels[0]!, { predictedKld: -0 })],
  ['slope -0', (s) => Object.assign(s.segments[0]!, { slopeBits: 0x8000 })],
  ['positions beyond 2^32', (s) => Object.assign(s, { firstPosition: 2 ** 32 - 1 })],
  ['levels of other names than the profile', (s) => Object.assign(s.levels[0]!, { name: 'else' })],
  ['a level of the prelude alone', (s) => Object.assign(s.levels[0]!, { segments: 0 })],
  ['two levels of the same size', (s) => Object.assign(s.levels[0]!, { segments: s.segments.length })],
  ['zero ids', (s) => Object.assign(s, { chunkId: '00'.repeat(32) })],
];

describe.each(legalChunks)('chunk: %s', (_name, change) => {
  const spec = sampleProfile(33);
  const file = writeProfile(spec);
  const { spec: chunkSpec } = sampleChunk(spec, 34, { tokenCount: 33, shifted: true });
  change(chunkSpec);
  const chunk = writeChunk(chunkSpec);

  test.each(backends)('$name', ({ codec }) => {
    expect(codec.validateChunk(chunk)).toEqual(judge.validateChunk(chunk));
    const expected = judge.loadProfile(file).decodeChunk(chunk);
    expectClosePlanes(codec.loadProfile(file).decodeChunk(chunk).data, expected.data);
  });
});

describe.each(backends)('$name', ({ codec }) => {
  const sample = makeSample('prefixes', 35, {}, { tokenCount: 33 });
  const { chunkBytes, profile: spec } = sample;
  const info = judge.inspectChunk(chunkBytes);
  const profile = codec.loadProfile(sample.profileFile);
  const draftBytes = info.levels[0]!.endOffset;

  test('ignores directory entries of absent segments', () => {
    const changed = sampleChunk(spec, 36, { tokenCount: 33 });
    Object.assign(changed.spec.segments.at(-1)!, { group: 200 });
    const bytes = writeChunk(changed.spec);
    expect(codeOf(() => profile.decodeChunk(bytes))).toBe('wrong-profile');
    expect(codeOf(() => profile.decodeChunk(bytes, { level: 'draft' }))).toBe('none');
    expect(codeOf(() => profile.decodeChunk(codec.cutChunk(bytes, { level: 'draft' })))).toBe('none');
  });

  test('ignores the bytes of segments above the wanted level', () => {
    const damaged = chunkBytes.slice().fill(0, draftBytes + 5);
    expect(codeOf(() => profile.decodeChunk(damaged))).toBe('corrupt');
    expect(outcome(() => profile.decodeChunk(damaged, { level: 'draft' }))).toEqual({
      value: profile.decodeChunk(chunkBytes, { level: 'draft' }),
    });
  });

  test('takes what there is of a level only when asked to', () => {
    const prefix = chunkBytes.subarray(0, draftBytes - 1);
    const fewer = codec.cutChunk(chunkBytes, { maxBytes: draftBytes - 1 });
    expect(codeOf(() => profile.decodeChunk(prefix, { level: 'draft' }))).toBe('truncated');
    expect(codeOf(() => profile.decodeChunk(fewer, { level: 'draft' }))).toBe('truncated');
    expect(profile.decodeChunk(prefix, { level: 'draft', partial: true })).toEqual(
      profile.decodeChunk(fewer),
    );
    expect(
      codeOf(() => profile.decodeChunk(chunkBytes.subarray(0, info.headerBytes), { partial: true })),
    ).toBe('truncated');
  });

  test('cuts a prefix by level or budget, but by layers only a whole object', () => {
    const { groups } = spec;
    const draft = chunkBytes.subarray(0, draftBytes);
    expect(codec.cutChunk(draft, { level: 'draft' })).toEqual(draft);
    expect(codec.cutChunk(draft, { maxBytes: 2 ** 20 })).toEqual(draft);
    expect(codeOf(() => codec.cutChunk(draft, { level: 'near-lossless' }))).toBe('truncated');
    expect(codeOf(() => codec.cutChunk(draft, { layers: [0, 0], groups }))).toBe('truncated');
  });

  test('judges in inspection the header alone, and refuses what follows the object elsewhere', () => {
    const longer = resized(chunkBytes, 9);
    expect(codec.inspectChunk(longer)).toEqual(info);
    expect(codeOf(() => codec.validateChunk(longer))).toBe('corrupt');
    expect(codeOf(() => profile.decodeChunk(longer))).toBe('corrupt');
    expect(codeOf(() => profile.decodeChunk(longer, { partial: true, level: 'draft' }))).toBe('corrupt');
  });

  test('copies the exact first token as it is', () => {
    const odd = Array.from({ length: 40 }, (_, i) => [65504, -0, 2 ** -24][i % 3]!);
    const exact = sampleChunk(spec, 37, { tokenCount: 1, mode: 1, exactPlanes: odd });
    const { data } = profile.decodeChunk(writeChunk(exact.spec));
    expect([...data.subarray(0, 3)]).toEqual([0x7bff, 0x8000, 0x0001]);
  });

  test('refuses a pass that the profile lacks', () => {
    const coarse = { ...spec, levelNames: spec.levelNames.slice(0, 2) };
    const chunk = writeChunk(sampleChunk(coarse, 38, { tokenCount: 5, passes: [0, 2] }).spec);
    const loaded = codec.loadProfile(writeProfile(coarse));
    expect(codeOf(() => codec.validateChunk(chunk))).toBe('none');
    expect(codeOf(() => loaded.decodeChunk(chunk))).toBe('wrong-profile');
  });

  test('gives 0 for a sum that is not a number', () => {
    const hostile = { ...spec, baseStep: 3e38 };
    hostile.planes = spec.planes.map((plane) => ({ ...plane, weight: plane.weight.map(() => 1e-38) }));
    const chunk = writeChunk(sampleChunk(hostile, 39, { tokenCount: 5 }).spec);
    const { data } = codec.loadProfile(writeProfile(hostile)).decodeChunk(chunk);
    expect([...data].filter((bits) => (bits & 0x7c00) === 0x7c00)).toEqual([]);
  });
});
