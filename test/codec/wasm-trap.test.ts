import { expect, test } from 'vitest';
import { loadWasmCodec } from '../../src/codec/index.ts';
import * as glue from '../../wasm/pkg/kvedge.js';
import { codeOf } from './support/backends.ts';
import { samples } from './support/samples.ts';

test('a trap costs the open profiles, and the codec only where its glue cannot start anew', async () => {
  const codec = await loadWasmCodec();
  const { profileFile, chunkBytes } = samples[2]!;
  const profile = codec.loadProfile(profileFile);
  const planes = profile.decodeChunk(chunkBytes);
  // No wasm32 allocation is larger than 2^31 - 1 bytes: the module traps. The pages are never touched.
  const tooLarge = new Uint8Array(2 ** 31 + 8);
  expect(codeOf(() => codec.inspectChunk(tooLarge))).toBe('backend-unavailable');

  expect(codeOf(() => profile.decodeChunk(chunkBytes))).toBe('backend-unavailable');
  profile.close();
  if (!('__wbg_reset_state' in glue)) {
    expect(codeOf(() => codec.inspectChunk(chunkBytes))).toBe('backend-unavailable');
    return;
  }
  expect(codec.loadProfile(profileFile).decodeChunk(chunkBytes)).toEqual(planes);
});
