import type { PublishManifest } from '../protocol/api.ts';
import { ZERO_ID } from '../protocol/ids.ts';
import { Manifest } from '../protocol/manifest.ts';
import { ProblemError } from '../protocol/problems.ts';
import { readChunkMeta } from './chunk-meta.ts';
import { writeTokens } from './context-tokens.ts';
import { expiresAtMs, manifestMeta } from './contexts.ts';
import { blobKey } from './keys.ts';
import { checkIdentities, checkStoredChunk, manifestBytes } from './manifest-check.ts';
import { storedHead } from './tiers/head.ts';
import { digestHex, putIfAbsent } from './tiers/store.ts';

/** Requests to R2 under way at a time: the platform allows six connections per request. */
const PARALLEL_HEADS = 6;

export interface Published {
  created: boolean;
  /** JSON of the manifest as stored. */
  manifest: Uint8Array<ArrayBuffer>;
}

/**
 * Publishes a context: checks that manifest, tokens and stored payloads agree, stores the tokens, and last of all the manifest,
 * which makes the context visible. A crash anywhere before leaves nothing visible, and a second call completes it.
 *
 * Of two publishes of the same context the first manifest stays, with its `createdAt`; a later `expiresAt` extends it.
 */
export async function publish(bucket: R2Bucket, id: string, body: PublishManifest): Promise<Published> {
  await checkIdentities(id, body);
  const { manifest } = body;
  manifestBytes(manifest);
  await checkPayloads(bucket, manifest);

  const tokens = writeTokens(body.chunks);
  await putIfAbsent(bucket, blobKey.tokens(id), tokens.bytes, await digestHex(tokens.bytes), tokens.meta);

  const key = blobKey.manifest(id);
  const stored = await bucket.get(key);
  if (stored === null) {
    const bytes = manifestBytes(manifest);
    const { created } = await putIfAbsent(
      bucket,
      key,
      bytes,
      await digestHex(bytes),
      manifestMeta(manifest.expiresAt),
    );
    // The other writer of a race was first; its manifest is as good as this one.
    return created ? { created, manifest: bytes } : publish(bucket, id, body);
  }

  const expired = expiresAtMs(storedHead(stored)) < Date.now();
  const first = Manifest.parse(await stored.json());
  const merged = expired
    ? manifest
    : { ...first, expiresAt: laterExpiry(first.expiresAt, manifest.expiresAt) };
  const bytes = manifestBytes(merged);
  if (expired || merged.expiresAt !== first.expiresAt) {
    await bucket.put(key, bytes, {
      sha256: await digestHex(bytes),
      customMetadata: manifestMeta(merged.expiresAt),
      onlyIf: { etagMatches: stored.etag },
    });
  }
  return { created: expired, manifest: bytes };
}

async function checkPayloads(bucket: R2Bucket, manifest: Manifest): Promise<void> {
  if (manifest.profileId !== ZERO_ID && (await bucket.head(blobKey.profile(manifest.profileId))) === null) {
    throw new ProblemError('payload-missing', `profile ${manifest.profileId} is not stored`);
  }
  for (let from = 0; from < manifest.chunks.length; from += PARALLEL_HEADS) {
    const batch = manifest.chunks.slice(from, from + PARALLEL_HEADS);
    const heads = await Promise.all(batch.map((chunk) => bucket.head(blobKey.chunk(chunk.id))));
    heads.forEach((head, i) => {
      checkStoredChunk(manifest, from + i, head === null ? null : readChunkMeta(head.customMetadata ?? {}));
    });
  }
}

/** The later of two expiries; null is never. */
function laterExpiry(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return null;
  return Date.parse(a) >= Date.parse(b) ? a : b;
}
