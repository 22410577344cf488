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

/** For whom a context is published. */
export interface Owner {
  /** `PUBLIC` for everybody. */
  tenant: string;
  /** Of the context's ids; `ZERO_ID` for everybody. */
  salt: string;
}

/**
 * Publishes a context: checks that manifest, tokens and stored payloads agree, stores the tokens, and last of all the manifest,
 * which makes the context visible. A crash anywhere before leaves nothing visible, and a second call completes it.
 *
 * Of two publishes of the same context the first manifest stays, with its `createdAt`, unless the second expires later or, without
 * expiring earlier, is signed with another key. Manifests are stored as they are sent: changing one would break its signature.
 */
export async function publish(
  bucket: R2Bucket,
  id: string,
  body: PublishManifest,
  owner: Owner,
): Promise<Published> {
  const { tenant } = owner;
  await checkIdentities(id, body, owner.salt);
  const { manifest } = body;
  manifestBytes(manifest);
  await checkPayloads(bucket, manifest, tenant);

  const tokens = writeTokens(body.chunks);
  await putIfAbsent(
    bucket,
    blobKey.tokens(id, tenant),
    tokens.bytes,
    await digestHex(tokens.bytes),
    tokens.meta,
  );

  const key = blobKey.manifest(id, tenant);
  const stored = await bucket.get(key);
  if (stored === null) {
    const bytes = manifestBytes(manifest);
    const { created } = await putIfAbsent(bucket, key, bytes, await digestHex(bytes), manifestMeta(manifest));
    // The other writer of a race was first; its manifest is as good as this one.
    return created ? { created, manifest: bytes } : publish(bucket, id, body, owner);
  }

  const expired = expiresAtMs(storedHead(stored)) < Date.now();
  const first = Manifest.parse(await stored.json());
  const replaces = expired || supersedes(manifest, first);
  const bytes = manifestBytes(replaces ? manifest : first);
  if (replaces) {
    await bucket.put(key, bytes, {
      sha256: await digestHex(bytes),
      customMetadata: manifestMeta(manifest),
      onlyIf: { etagMatches: stored.etag },
    });
  }
  return { created: expired, manifest: bytes };
}

async function checkPayloads(bucket: R2Bucket, manifest: Manifest, tenant: string): Promise<void> {
  if (manifest.profileId !== ZERO_ID && (await bucket.head(blobKey.profile(manifest.profileId))) === null) {
    throw new ProblemError('payload-missing', `profile ${manifest.profileId} is not stored`);
  }
  for (let from = 0; from < manifest.chunks.length; from += PARALLEL_HEADS) {
    const batch = manifest.chunks.slice(from, from + PARALLEL_HEADS);
    const heads = await Promise.all(batch.map((chunk) => bucket.head(blobKey.chunk(chunk.id, tenant))));
    heads.forEach((head, i) => {
      checkStoredChunk(manifest, from + i, head === null ? null : readChunkMeta(head.customMetadata ?? {}));
    });
  }
}

/** Whether a manifest of the same context takes the place of the stored one. */
function supersedes(sent: Manifest, stored: Manifest): boolean {
  const resigned = sent.signature !== undefined && sent.signature.publicKey !== stored.signature?.publicKey;
  return expiryMs(sent) > expiryMs(stored) || (resigned && expiryMs(sent) === expiryMs(stored));
}

function expiryMs({ expiresAt }: Manifest): number {
  return expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
}
