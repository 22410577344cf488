import { describe, expect, test } from 'vitest';
import type { Cut } from '../../src/codec/codec.ts';
import { availableBackends, outcome } from './support/backends.ts';
import { expectClosePlanes } from './support/compare-planes.ts';
import { samples } from './support/samples.ts';

const [judge, ...others] = await availableBackends();

/** Sizes around every place where something ends, and one in the middle of each segment. */
function interestingSizes(chunk: Uint8Array, ends: number[]): number[] {
  const near = ends.flatMap((end, i) => [
    end - 1,
    end,
    end + 1,
    Math.floor((end + (ends[i + 1] ?? end)) / 2),
  ]);
  return [...new Set([0, 3, 4, 6, 11, 12, ...near, chunk.length - 1, chunk.length])].filter(
    (size) => size >= 0 && size <= chunk.length,
  );
}

describe.each(others)('$name answers as the reference does', ({ codec }) => {
  test.each(samples)('about every prefix and cut: $name', ({ chunkBytes, profileFile, profile }) => {
    const theirs = codec.loadProfile(profileFile);
    const ours = judge!.codec.loadProfile(profileFile);
    expect(theirs.info).toEqual(ours.info);
    const info = judge!.codec.inspectChunk(chunkBytes);
    const ends = [info.headerBytes, info.headerBytes + info.preludeBytes];
    for (const { bytes } of info.segments) ends.push(ends.at(-1)! + bytes);
    const cuts: Cut[] = [
      ...info.levels.map(({ name }) => ({ level: name })),
      { level: 'nonsense' },
      { layers: [0, 0], groups: profile.groups },
      { layers: [1, 1], groups: profile.groups },
      { layers: [0, 1], groups: profile.groups },
      { layers: [1, 0], groups: profile.groups },
      { layers: [0, 2], groups: profile.groups },
      { layers: [0, 1], groups: [] },
      ...interestingSizes(chunkBytes, ends).map((maxBytes) => ({ maxBytes })),
      { maxBytes: 2 ** 40 },
      { maxBytes: Number.POSITIVE_INFINITY },
    ];

    for (const size of interestingSizes(chunkBytes, ends)) {
      const prefix = chunkBytes.subarray(0, size);
      const where = `${size} of ${chunkBytes.length} bytes`;
      expect(
        outcome(() => codec.inspectChunk(prefix)),
        where,
      ).toEqual(outcome(() => judge!.codec.inspectChunk(prefix)));
      expect(
        outcome(() => codec.validateChunk(prefix)),
        where,
      ).toEqual(outcome(() => judge!.codec.validateChunk(prefix)));
      for (const partial of [false, true]) {
        const found = outcome(() => theirs.decodeChunk(prefix, { partial }));
        const expected = outcome(() => ours.decodeChunk(prefix, { partial }));
        if ('value' in found && 'value' in expected) expectClosePlanes(found.value.data, expected.value.data);
        else expect(found, where).toEqual(expected);
      }
    }
    for (const input of [chunkBytes, ...ends.slice(0, 4).map((end) => chunkBytes.subarray(0, end + 1))]) {
      for (const cut of cuts) {
        expect(
          outcome(() => codec.cutChunk(input, cut)),
          JSON.stringify(cut),
        ).toEqual(outcome(() => judge!.codec.cutChunk(input, cut)));
      }
    }
  });

  test.each(samples)('about the layers that it cut: $name', ({ chunkBytes, profileFile, profile }) => {
    const theirs = codec.loadProfile(profileFile);
    const whole = theirs.decodeChunk(chunkBytes);
    const subset = codec.cutChunk(chunkBytes, { layers: [0, 0], groups: profile.groups });
    expect(codec.validateChunk(subset).subset).toBe(true);
    const valuesOfLayer = whole.data.length / profile.geometry.layers;
    const layer = theirs.decodeChunk(subset).data.subarray(0, valuesOfLayer);
    expectClosePlanes(layer, whole.data.subarray(0, valuesOfLayer));
    for (const { name } of codec.inspectChunk(subset).levels) {
      const both = codec.cutChunk(subset, { level: name });
      const alone = codec.cutChunk(chunkBytes, { level: name });
      expectClosePlanes(
        theirs.decodeChunk(both).data.subarray(0, valuesOfLayer),
        theirs.decodeChunk(alone).data.slice(0, valuesOfLayer),
      );
    }
  });
});
