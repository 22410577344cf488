import { describe, expect, test } from 'vitest';
import type { CodecProfile, EncodeRequest } from '../../src/codec/codec.ts';
import { createReferenceCodec } from '../../src/codec/index.ts';
import { availableBackends, codeOf } from './support/backends.ts';
import { samples } from './support/samples.ts';

const backends = await availableBackends();
const { profile: spec, profileFile, chunkBytes } = samples[4]!;

const goodRequest: EncodeRequest = {
  planes: { geometry: spec.geometry, firstPosition: 0, tokenCount: 2, data: new Uint16Array(80) },
  chunkId: new Uint8Array(32),
  exactFirstToken: true,
  firstTokenId: 1,
};

const { planes } = goodRequest;
const wrongRequests: [name: string, request: EncodeRequest][] = [
  ['chunk id too short', { ...goodRequest, chunkId: new Uint8Array(31) }],
  ['chunk id of another type', { ...goodRequest, chunkId: 'ab' as unknown as Uint8Array }],
  ['first token id negative', { ...goodRequest, firstTokenId: -1 }],
  ['first token id beyond u32', { ...goodRequest, firstTokenId: 2 ** 32 }],
  ['no tokens', { ...goodRequest, planes: { ...planes, tokenCount: 0, data: new Uint16Array() } }],
  ['257 tokens', { ...goodRequest, planes: { ...planes, tokenCount: 257, data: new Uint16Array(257 * 40) } }],
  ['half a token', { ...goodRequest, planes: { ...planes, tokenCount: 1.5, data: new Uint16Array(60) } }],
  ['a value too few', { ...goodRequest, planes: { ...planes, data: new Uint16Array(79) } }],
  ['another type', { ...goodRequest, planes: { ...planes, data: [] as unknown as Uint16Array } }],
  ['position', { ...goodRequest, planes: { ...planes, firstPosition: 2 ** 32 } }],
  ['geometry', { ...goodRequest, planes: { ...planes, geometry: { ...spec.geometry, layers: 1 } } }],
];

describe.each(backends)('$name', ({ codec }) => {
  const profile = codec.loadProfile(profileFile);

  test.each(wrongRequests)('refuses to encode: %s', (_name, request) => {
    expect(codeOf(() => profile.encodeChunk(request))).toBe('invalid-argument');
  });

  test('refuses to use a closed profile, but closes twice', async () => {
    const closed: CodecProfile = codec.loadProfile(profileFile);
    closed.close();
    closed.close();
    expect(codeOf(() => closed.decodeChunk(chunkBytes))).toBe('invalid-argument');
    expect(codeOf(() => closed.encodeChunk(goodRequest))).toBe('invalid-argument');
    await expect(closed.decodeChunkAsync(chunkBytes)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(closed.encodeChunkAsync(goodRequest)).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  test('rejects with the error that the other form throws', async () => {
    await expect(profile.decodeChunkAsync(chunkBytes.subarray(0, 9))).rejects.toMatchObject({
      name: 'CodecError',
      code: 'truncated',
    });
    await expect(profile.encodeChunkAsync(wrongRequests[0]![1])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  test('refuses what is not bytes', () => {
    const text = 'KVLC' as unknown as Uint8Array;
    const words = new Uint16Array(4) as unknown as Uint8Array;
    for (const wrong of [text, words]) {
      expect(codeOf(() => codec.inspectChunk(wrong))).toBe('invalid-argument');
      expect(codeOf(() => codec.validateChunk(wrong))).toBe('invalid-argument');
      expect(codeOf(() => codec.cutChunk(wrong, { maxBytes: 1 }))).toBe('invalid-argument');
      expect(codeOf(() => codec.loadProfile(wrong))).toBe('invalid-argument');
      expect(codeOf(() => profile.decodeChunk(wrong))).toBe('invalid-argument');
    }
  });

  test('refuses wrong budgets, levels and layers', () => {
    const { groups } = profile.info;
    expect(codeOf(() => codec.cutChunk(chunkBytes, { maxBytes: Number.NaN }))).toBe('invalid-argument');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { maxBytes: -1 }))).toBe('invalid-argument');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { maxBytes: 100 }))).toBe('budget-too-small');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { level: 'no' }))).toBe('unknown-level');
    expect(codeOf(() => profile.decodeChunk(chunkBytes, { level: 'no' }))).toBe('unknown-level');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { layers: [0, 2], groups }))).toBe('invalid-argument');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { layers: [0.5, 1], groups }))).toBe('invalid-argument');
    expect(codeOf(() => codec.cutChunk(chunkBytes, { layers: [0, 1], groups: [] }))).toBe('wrong-profile');
  });

  test('keeps to the memory budget', () => {
    const attempt = () => codec.loadProfile(profileFile, { maxMemoryBytes: 1000 }).decodeChunk(chunkBytes);
    expect(codeOf(attempt)).toBe('limit');
    expect(codeOf(() => codec.loadProfile(profileFile, { maxMemoryBytes: -1 }))).toBe('invalid-argument');
  });

  test('takes views into larger buffers and leaves its input alone', () => {
    const buffer = new Uint8Array(chunkBytes.length + 7);
    buffer.set(chunkBytes, 3);
    const view = buffer.subarray(3, 3 + chunkBytes.length);
    expect(profile.decodeChunk(view)).toEqual(profile.decodeChunk(chunkBytes));
    const cut = codec.cutChunk(view, { level: 'draft' });
    cut.fill(0);
    expect(view).toEqual(chunkBytes);
  });
});

test('the reference says that it does not encode', () => {
  const profile = createReferenceCodec().loadProfile(profileFile);
  expect(codeOf(() => profile.encodeChunk(goodRequest))).toBe('unsupported');
});
