import { Manifest } from '../protocol/manifest.ts';
import { ProblemError } from '../protocol/problems.ts';
import { expiresAtMs } from './contexts.ts';
import type { Stores } from './env.ts';
import { blobKey } from './keys.ts';
import { mayWrite, REMOVAL_LEASE_MS } from './registry/leases.ts';
import { complete, reserve } from './registry/publication.ts';
import {
  beginRemoval,
  type Condemned,
  cancelRemoval,
  endRemoval,
  forgetChunks,
  type Removal,
  type RemovalReason,
} from './registry/removal.ts';
import { storedHead } from './tiers/head.ts';

/*
 * Removing a context, in this order:
 *   1. registry: the context is in removal       from now on nobody can begin to publish it, and lookups skip it
 *   2. bucket: the manifest goes, then the tokens   it is invisible, and answers 410
 *   3. registry, one transaction: its references go, a tombstone comes, chunks without a reference are condemned
 *                                                from now on nobody can refer to these chunks or store them
 *   4. bucket: the condemned chunks go
 *   5. registry: they are forgotten              from now on they can be stored anew
 * A crash after any step leaves a registry that says what is left to do; the sweep does it once the hold has run out. Chunks
 * always go after every manifest that names them, so no manifest is ever visible without its chunks.
 */

/** Takes an object out of the caches that can be reached from here. */
export type Evict = (key: string) => Promise<void>;

const PARALLEL_EVICTIONS = 6;
const RETRY_AFTER_SECONDS = 5;

/** Thrown when a context or chunk is in the hands of another request. */
export function registryBusy(what: string): ProblemError {
  return new ProblemError('registry-busy', `${what} is just being published or removed`, {
    'retry-after': String(RETRY_AFTER_SECONDS),
  });
}

/** Removes a registered context. Gives the chunks that went with it; null if it is not there, or busy. */
export async function removeContext(
  stores: Stores,
  id: string,
  reason: RemovalReason,
  evict: Evict,
): Promise<Condemned['chunks'] | null> {
  const removal = await beginRemoval(stores.REGISTRY, id, reason);
  return removal === null ? null : carryOut(stores, removal, evict);
}

/**
 * Settles a context that has expired, or whose publishing or removal came to nothing: what the bucket holds decides whether it
 * is removed, or stays with a corrected entry.
 */
export async function settleContext(
  stores: Stores,
  id: string,
  reason: 'expired' | 'abandoned',
  evict: Evict,
): Promise<void> {
  const { BLOBS, REGISTRY } = stores;
  const removal = await beginRemoval(REGISTRY, id, reason);
  if (removal === null) return;
  // Nobody can publish it now, so what is read here stays true until the removal ends.
  const stored =
    removal.reason === 'expired' || removal.reason === 'abandoned'
      ? await BLOBS.head(blobKey.manifest(id, removal.tenant))
      : null;
  const untilMs = stored === null ? 0 : expiresAtMs(storedHead(stored));
  if (untilMs <= Date.now()) {
    await carryOut(stores, removal, evict);
    return;
  }
  await cancelRemoval(REGISTRY, removal, Number.isFinite(untilMs) ? untilMs : null);
  // A publish that crashed after its manifest: all that is missing is the note that it was done.
  if (removal.reason === 'abandoned') await adoptContext(stores, id, removal.tenant);
}

/** Enters a context of which the bucket has a manifest into the registry; false if there is none. Throws `registry-busy`. */
export async function adoptContext(
  { BLOBS, REGISTRY }: Stores,
  id: string,
  tenant: string,
): Promise<boolean> {
  const stored = await BLOBS.get(blobKey.manifest(id, tenant));
  if (stored === null) return false;
  const manifest = Manifest.parse(await stored.json());
  const publication = await reserve(REGISTRY, manifest, tenant);
  if (publication === null || !(await complete(REGISTRY, publication, manifest))) {
    throw registryBusy(`context ${id}`);
  }
  return true;
}

/** Takes condemned chunks out of bucket and caches. */
export async function dropChunks(
  { BLOBS, REGISTRY }: Stores,
  condemned: Condemned,
  evict: Evict,
): Promise<void> {
  const keys = condemned.chunks.map((chunk) => blobKey.chunk(chunk.id, chunk.tenant));
  if (keys.length === 0) return;
  checkHold(condemned.sinceMs);
  await BLOBS.delete(keys);
  for (let from = 0; from < keys.length; from += PARALLEL_EVICTIONS) {
    await Promise.all(keys.slice(from, from + PARALLEL_EVICTIONS).map(evict));
  }
  await forgetChunks(REGISTRY, condemned);
}

async function carryOut(stores: Stores, removal: Removal, evict: Evict): Promise<Condemned['chunks']> {
  const { contextId, tenant } = removal;
  for (const key of [blobKey.manifest(contextId, tenant), blobKey.tokens(contextId, tenant)]) {
    checkHold(removal.sinceMs);
    await stores.BLOBS.delete(key);
    await evict(key);
  }
  const condemned = await endRemoval(stores.REGISTRY, removal);
  await dropChunks(stores, condemned, evict);
  return condemned.chunks;
}

/** A removal that dawdled leaves the rest to the next one: its hold could end while it still deletes. */
function checkHold(sinceMs: number): void {
  if (!mayWrite(sinceMs, REMOVAL_LEASE_MS)) throw registryBusy('what is being removed');
}
