import { describe, expect, test } from 'vitest';
import { availableBackends, codeOf } from './support/backends.ts';
import {
  invalidChunks,
  profileFileOfInvalidChunks,
  profileOfInvalidChunks,
} from './support/invalid-chunks.ts';
import { invalidProfiles } from './support/invalid-profiles.ts';

const backends = await availableBackends();

describe.each(backends)('$name refuses a profile', ({ codec }) => {
  test.each(invalidProfiles)('%s: %s', (_name, code, bytes) => {
    expect(codeOf(() => codec.loadProfile(bytes()))).toBe(code);
  });
});

describe.each(backends)('$name refuses a chunk', ({ codec }) => {
  const profile = codec.loadProfile(profileFileOfInvalidChunks);
  const { groups } = profileOfInvalidChunks;

  test.each(invalidChunks)('%s: %s, seen in the %s', (_name, code, stage, bytes) => {
    const chunk = bytes();
    expect(codeOf(() => codec.inspectChunk(chunk))).toBe(stage === 'header' ? code : 'none');
    expect(codeOf(() => codec.cutChunk(chunk, { maxBytes: 2 ** 30 }))).toBe(
      stage === 'header' ? code : 'none',
    );
    if (stage === 'header') {
      expect(codeOf(() => codec.cutChunk(chunk, { level: 'draft' }))).toBe(code);
      expect(codeOf(() => codec.cutChunk(chunk, { layers: [0, 0], groups }))).toBe(code);
    }
    expect(codeOf(() => codec.validateChunk(chunk))).toBe(stage === 'decode' ? 'none' : code);
    expect(codeOf(() => profile.decodeChunk(chunk))).toBe(code);
    expect(codeOf(() => profile.decodeChunk(chunk, { partial: true }))).toBe(code);
  });
});
