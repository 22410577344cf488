import type { PublishManifest } from '../protocol/api.ts';
import { ZERO_ID } from '../protocol/ids.ts';
import { Manifest } from '../protocol/manifest.ts';
import { ProblemError } from '../protocol/problems.ts';
import { readChunkMeta } from './chunk-meta.ts';
import { writeTokens } from './context-tokens.ts';
import { expiresAtMs, expiryMs, manifestMeta } from './contexts.ts';
import type { Stores } from './env.ts';
import { blobKey } from './keys.ts';
import { checkIdentities, checkStoredChunk, manifestBytes } from './manifest-check.ts';
import { mayWrite, PUBLISH_LEASE_MS } from './registry/leases.ts';
import { complete, type Publication, release, reserve } from './registry/publication.ts';
import { registryBusy } from './removal.ts';
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
 * Publishes a context, in this order:
 *   1. registry, one transaction: the context, its references and a hold on it    no sweep or deletion takes a chunk away now
 *   2. the payloads are looked for, and compared with manifest and tokens         so what is found stays
 *   3. bucket: the tokens
 *   4. bucket: the manifest, which alone makes the context visible
 *   5. registry, one transaction: it counts as published, the hold ends
 * References stand before payloads are looked for: the other way round, a sweep between the two could take a chunk that was just
 * found. The manifest comes after all it names. A crash before step 4 leaves nothing visible, one after it a complete context;
 * a second call completes either, and so does the sweep: it looks in the bucket whether there is a manifest.
 *
 * Of two publishes of the same context the first manifest stays, with its `createdAt`, unless the second expires later or, without
 * expiring earlier, is signed with another key. Manifests are stored as they are sent: changing one would break its signature.
 * Throws `payload-missing`, `invalid-content` and `registry-busy`.
 */
export async function publish(
  { BLOBS, REGISTRY }: Stores,
  id: string,
  body: PublishManifest,
  { tenant, salt }: Owner,
): Promise<Published> {
  await checkIdentities(id, body, salt);
  const { manifest } = body;
  manifestBytes(manifest);
  const publication = await reserve(REGISTRY, manifest, tenant);
  if (publication === null) throw registryBusy(`context ${id} or one of its chunks`);
  try {
    await checkPayloads(BLOBS, manifest, tenant);
  } catch (error) {
    if (error instanceof ProblemError) await release(REGISTRY, publication);
    throw error;
  }
  checkHold(publication);
  const tokens = writeTokens(body.chunks);
  await putIfAbsent(
    BLOBS,
    blobKey.tokens(id, tenant),
    tokens.bytes,
    await digestHex(tokens.bytes),
    tokens.meta,
  );
  const stored = await storeManifest(BLOBS, publication, manifest);
  if (!(await complete(REGISTRY, publication, stored.manifest))) throw registryBusy(`context ${id}`);
  return { created: stored.created, manifest: manifestBytes(stored.manifest) };
}

/** Stores a manifest, or leaves one that is there and that it does not supersede, by compare-and-swap. Gives what is stored. */
async function storeManifest(
  bucket: R2Bucket,
  publication: Publication,
  manifest: Manifest,
): Promise<{ created: boolean; manifest: Manifest }> {
  const key = blobKey.manifest(manifest.id, publication.tenant);
  const bytes = manifestBytes(manifest);
  const sha256 = await digestHex(bytes);
  for (;;) {
    const stored = await bucket.get(key);
    const expired = stored === null || expiresAtMs(storedHead(stored)) < Date.now();
    if (!expired) {
      const first = Manifest.parse(await stored.json());
      if (!supersedes(manifest, first)) return { created: false, manifest: first };
    }
    checkHold(publication);
    const put = await bucket.put(key, bytes, {
      sha256,
      customMetadata: manifestMeta(manifest),
      onlyIf: stored === null ? new Headers({ 'if-none-match': '*' }) : { etagMatches: stored.etag },
    });
    // Null if another publish was faster: then its manifest is the one to compare with.
    if (put !== null) return { created: expired, manifest };
  }
}

/** A removal may begin when the hold ends, and would not see what comes later. */
function checkHold({ contextId, startedAtMs }: Publication): void {
  if (!mayWrite(startedAtMs, PUBLISH_LEASE_MS)) throw registryBusy(`context ${contextId}`);
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
