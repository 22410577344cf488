import { describe, expect, test } from 'vitest';
import { availableBackends } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { expectedPlanes } from './support/expected-planes.ts';
import { samples } from './support/samples.ts';

const backends = await availableBackends();

describe.each(backends)('$name reads what test code wrote from the format', ({ codec }) => {
  test.each(samples)('$name', ({ profile, profileFile, chunk, chunkBytes }) => {
    const loaded = codec.loadProfile(profileFile);
    expect(loaded.info).toMatchObject({
      ...profile.geometry,
      modelFingerprint: profile.modelFingerprint,
      profileId: chunk.spec.profileId,
      levelNames: profile.levelNames,
      firstTokenIds: profile.firstTokens.map(({ id }) => id),
      groups: profile.groups.map(({ members, rank, bandEnds }) => ({ members, rank, bandEnds })),
    });
    const info = codec.validateChunk(chunkBytes);
    expect(info).toMatchObject({
      subset: false,
      objectBytes: chunkBytes.length,
      preludeBytes: chunk.spec.prelude.length,
      chunkId: chunk.spec.chunkId,
      firstPosition: chunk.spec.firstPosition,
      tokenCount: chunk.spec.tokenCount,
    });

    const all = loaded.decodeChunk(chunkBytes);
    expect(all).toMatchObject({ geometry: profile.geometry, firstPosition: info.firstPosition });
    expectClosePlanes(all.data, expectedPlanes(profile, chunk));
    for (const { name, segments } of chunk.spec.levels) {
      const part = loaded.decodeChunk(codec.cutChunk(chunkBytes, { level: name }));
      expectClosePlanes(part.data, expectedPlanes(profile, chunk, segments));
      expect(loaded.decodeChunk(chunkBytes, { level: name }).data).toEqual(part.data);
    }
    loaded.close();
  });
});
