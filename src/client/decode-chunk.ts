import type { ChunkCoder } from '../codec/codec.ts';
import { CodecError } from '../codec/errors.ts';
import type { KvPlanes } from '../engine/index.ts';
import type { Manifest, ManifestLevel } from '../protocol/manifest.ts';
import { integrity } from './errors.ts';
import type { Profiles } from './profiles.ts';
import { verifyHeader } from './verify.ts';

/** A chunk as the codec gives it back; its digest was checked before. Throws `integrity-failed`, on an abort the signal's reason. */
export async function decodeChunk(
  bytes: Uint8Array,
  manifest: Manifest,
  index: number,
  profiles: Profiles,
  profile: ChunkCoder,
  signal?: AbortSignal,
): Promise<KvPlanes> {
  try {
    verifyHeader(profiles.codec.inspectChunk(bytes), manifest, index);
    return await profile.decodeChunkAsync(bytes, signal && { signal });
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw integrity(`chunk ${index} was refused by the codec: ${cause.message}`, cause);
  }
}

/** Levels of every chunk by name. */
export function levelNamesOf(manifest: Manifest): string[][] {
  return manifest.chunks.map(({ levels }) => levels.map(({ name }: ManifestLevel) => name));
}
