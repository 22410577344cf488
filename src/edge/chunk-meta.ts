import { z } from 'zod';
import type { ChunkInfo } from '../codec/codec.ts';
import { Id, ManifestLevel, Signature } from '../protocol/manifest.ts';

/** Name of the one custom metadata entry of a stored chunk. */
const META_KEY = 'chunk';

/**
 * What R2 keeps beside a chunk object, so that no read path needs its header: the fields a manifest is checked against, and
 * for every level its end and digest, signed by the origin. As JSON 1.3 KB at six levels; R2 allows 2 KB.
 */
const ChunkMeta = z.strictObject({
  codec: z.int(),
  model: Id,
  profile: Id,
  position: z.int(),
  tokens: z.int(),
  /** layers, kvHeads, keyHeadDim, valueHeadDim */
  shape: z.tuple([z.int(), z.int(), z.int(), z.int()]),
  headerBytes: z.int(),
  levels: z.array(ManifestLevel),
  signature: Signature.optional(),
});
export type ChunkMeta = z.infer<typeof ChunkMeta>;

export function chunkMeta(
  info: ChunkInfo,
  levelDigests: readonly string[],
  signature: Signature | undefined,
): ChunkMeta {
  return {
    codec: info.codec,
    model: info.modelFingerprint,
    profile: info.profileId,
    position: info.firstPosition,
    tokens: info.tokenCount,
    shape: [info.layers, info.kvHeads, info.keyHeadDim, info.valueHeadDim],
    headerBytes: info.headerBytes,
    levels: info.levels.map((level, i) => ({
      name: level.name,
      bytes: level.endOffset,
      sha256: levelDigests[i]!,
      predictedKld: level.predictedKld,
    })),
    ...(signature === undefined ? {} : { signature }),
  };
}

export function writeChunkMeta(meta: ChunkMeta): Record<string, string> {
  return { [META_KEY]: JSON.stringify(meta) };
}

/** Heads of popular chunks are remembered, and so is what was read from them. */
const parsed = new WeakMap<Record<string, string>, ChunkMeta>();

/** Throws if the entry is not one that `writeChunkMeta` made: then the bucket holds something foreign. */
export function readChunkMeta(meta: Record<string, string>): ChunkMeta {
  let chunk = parsed.get(meta);
  if (chunk === undefined) {
    chunk = ChunkMeta.parse(JSON.parse(meta[META_KEY] ?? 'null'));
    parsed.set(meta, chunk);
  }
  return chunk;
}

/** Names the first field in which two chunks under one id differ though the id forbids it; undefined if none. */
export function differingField(stored: ChunkMeta, sent: ChunkMeta): string | undefined {
  for (const field of ['codec', 'model', 'profile', 'position', 'tokens', 'shape'] as const) {
    if (String(stored[field]) !== String(sent[field])) return field;
  }
  return undefined;
}
