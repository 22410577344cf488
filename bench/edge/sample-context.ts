import { readFileSync } from 'node:fs';
import { loadBestCodec } from '../../src/codec/index.ts';
import { allocatePlanes } from '../../src/engine/planes.ts';
import type { PublishManifest } from '../../src/protocol/api.ts';
import { chunkIds, contextId, fromHex, sha256Hex, ZERO_ID } from '../../src/protocol/ids.ts';
import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';

const PROFILE = new URL('../../origin-gpu/profiles/smollm2-135m-instruct.kvp', import.meta.url);
/** Standard deviation of the values; chunks then have about the size of real ones. */
const SPREAD = 0.03;

export interface SampleContext {
  profileId: string;
  profile: Uint8Array<ArrayBuffer>;
  chunks: { id: string; bytes: Uint8Array<ArrayBuffer> }[];
  contextId: string;
  publish: PublishManifest;
}

/**
 * A context of the pinned model's shape, encoded with its committed profile from seeded noise: the edge never looks at values,
 * so its work depends on sizes and segments alone, which are those of real chunks.
 */
export async function sampleContext(chunkCount: number): Promise<SampleContext> {
  const profile = new Uint8Array(readFileSync(PROFILE));
  const codec = (await loadBestCodec()).loadProfile(profile);
  const { info } = codec;
  const tokens = Array.from({ length: chunkCount }, (_, i) =>
    Array.from({ length: CHUNK_TOKENS }, (_, t) => CHUNK_TOKENS * i + t),
  );
  const base = {
    codec: 1,
    modelFingerprint: info.modelFingerprint,
    profileId: info.profileId,
    tenantSalt: ZERO_ID,
  };
  const ids = await chunkIds(base, tokens);
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = info;
  const noise = seededNoise(1);
  const chunks = ids.map((id, i) => {
    const planes = allocatePlanes(
      { layers, kvHeads, keyHeadDim, valueHeadDim },
      CHUNK_TOKENS * i,
      CHUNK_TOKENS,
    );
    new Float16Array(planes.data.buffer).forEach((_, at, values) => {
      values[at] = SPREAD * noise();
    });
    const bytes = codec.encodeChunk({
      planes,
      chunkId: fromHex(id),
      exactFirstToken: false,
      firstTokenId: tokens[i]![0]!,
    });
    return { id, bytes: new Uint8Array(bytes) };
  });
  codec.close();
  const inspect = (await loadBestCodec()).inspectChunk;
  const id = await contextId(ids.at(-1)!);
  const manifest: PublishManifest['manifest'] = {
    version: 1,
    id,
    model: { name: 'sample', fingerprint: info.modelFingerprint, layers, kvHeads, keyHeadDim, valueHeadDim },
    codec: 1,
    profileId: info.profileId,
    visibility: 'public',
    tokenCount: CHUNK_TOKENS * chunkCount,
    chunks: await Promise.all(
      chunks.map(async (chunk) => ({
        id: chunk.id,
        tokenCount: CHUNK_TOKENS,
        levels: await Promise.all(
          inspect(chunk.bytes).levels.map(async ({ name, endOffset, predictedKld }) => ({
            name,
            bytes: endOffset,
            sha256: await sha256Hex(chunk.bytes.slice(0, endOffset)),
            predictedKld,
          })),
        ),
      })),
    ),
    createdAt: '2026-01-01T00:00:00.000Z',
    expiresAt: null,
  };
  return {
    profileId: info.profileId,
    profile,
    chunks,
    contextId: id,
    publish: { manifest, chunks: tokens.map((part, i) => ({ tokens: part, text: `chunk ${i}` })) },
  };
}

/** Normal deviates, the same on every run. */
function seededNoise(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
