import { createHash } from 'node:crypto';
import type { ChunkCoder, Codec } from '../../../src/codec/codec.ts';
import type { KvPlanes, PrefillOptions } from '../../../src/engine/index.ts';
import { slicePlanes } from '../../../src/engine/index.ts';
import { fromHex } from '../../../src/protocol/ids.ts';
import { CHUNK_TOKENS } from '../../../src/protocol/limits.ts';
import type { ManifestLevel } from '../../../src/protocol/manifest.ts';
import type { ServedModel } from '../models.ts';

/** KV of a whole context, computed from its tokens. */
export async function computePlanes(
  model: ServedModel,
  tokens: Uint32Array,
  options: PrefillOptions,
): Promise<KvPlanes> {
  const sequence = await model.engine.openSequence({ capacityTokens: tokens.length });
  try {
    await sequence.prefill(tokens, options);
    return await sequence.readPlanes();
  } finally {
    await sequence.close();
  }
}

/** The chunk object number `index` of a context whose planes are given. */
export async function encodeChunk(
  coder: ChunkCoder,
  planes: KvPlanes,
  tokens: Uint32Array,
  index: number,
  chunkId: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const start = index * CHUNK_TOKENS;
  const request = {
    planes: slicePlanes(planes, { start, end: Math.min(start + CHUNK_TOKENS, tokens.length) }),
    chunkId: fromHex(chunkId),
    exactFirstToken: index === 0,
    firstTokenId: tokens[start] as number,
  };
  return new Uint8Array(await coder.encodeChunkAsync(request));
}

/** The levels of a chunk object, as a manifest lists them. */
export function levelsOfObject(codec: Pick<Codec, 'inspectChunk'>, object: Uint8Array): ManifestLevel[] {
  return codec.inspectChunk(object).levels.map(({ name, endOffset, predictedKld }) => ({
    name,
    bytes: endOffset,
    sha256: createHash('sha256').update(object.subarray(0, endOffset)).digest('hex'),
    predictedKld,
  }));
}
