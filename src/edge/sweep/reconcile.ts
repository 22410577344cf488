import { PUBLIC } from '../../protocol/tenant.ts';
import type { Stores } from '../env.ts';
import { CHUNK_PREFIX, CONTEXT_PREFIX, MANIFEST_NAME } from '../keys.ts';
import { adoptChunks, readCursor, unknownContexts, writeCursor } from '../registry/cursors.ts';
import { adoptContext } from '../removal.ts';

const PAGE_OBJECTS = 200;
/** Contexts entered in one run: each is read from the bucket. */
const MAX_ADOPTIONS = 10;
const ID = /^[0-9a-f]{64}$/;
/** In place of a name: all contexts were looked at, now it is the chunks' turn. */
const ROUND_ENDED = '~';

/**
 * Compares one page of the public part of the bucket with the registry and enters what is missing there: contexts from before there was a registry,
 * or all of them if it was lost. Chunks get a hold, and go when no context has claimed them by its end; and they are looked at
 * only after a whole round over the contexts. Gives the number of entries made.
 */
export async function reconcile(stores: Stores): Promise<number> {
  const contexts = await readCursor(stores.REGISTRY, CONTEXT_PREFIX);
  return contexts === ROUND_ENDED ? reconcileChunks(stores) : reconcileContexts(stores, contexts);
}

async function reconcileContexts(stores: Stores, after: string | undefined): Promise<number> {
  const page = await list(stores.BLOBS, CONTEXT_PREFIX, after);
  const manifests = page.names.flatMap((name) => manifestOf(name) ?? []);
  const unknown = await unknownContexts(stores.REGISTRY, manifests);
  const entered = unknown.slice(0, MAX_ADOPTIONS);
  for (const id of entered) {
    // One that cannot be entered must not keep the others out; the next round tries it again.
    await adoptContext(stores, id, PUBLIC).catch((error) =>
      console.warn('sweep: not entered', id, error.name),
    );
  }
  const last = entered.length < unknown.length ? `${entered.at(-1)}${MANIFEST_NAME}` : page.last;
  await writeCursor(stores.REGISTRY, CONTEXT_PREFIX, last ?? ROUND_ENDED);
  return entered.length;
}

/** The context whose manifest has this name below the prefix; null for other objects. */
function manifestOf(name: string): string | null {
  const id = name.slice(0, -MANIFEST_NAME.length);
  return name.endsWith(MANIFEST_NAME) && ID.test(id) ? id : null;
}

async function reconcileChunks({ BLOBS, REGISTRY }: Stores): Promise<number> {
  const page = await list(BLOBS, CHUNK_PREFIX, await readCursor(REGISTRY, CHUNK_PREFIX));
  const adopted = await adoptChunks(REGISTRY, page.names, PUBLIC);
  await writeCursor(REGISTRY, CHUNK_PREFIX, page.last);
  if (page.last === undefined) await writeCursor(REGISTRY, CONTEXT_PREFIX, undefined);
  return adopted;
}

/** A page of the bucket: names below the prefix, and the one after which the next page begins. */
async function list(bucket: R2Bucket, prefix: string, after: string | undefined) {
  const page = await bucket.list({
    prefix,
    limit: PAGE_OBJECTS,
    ...(after !== undefined && { startAfter: prefix + after }),
  });
  const names = page.objects.map((object) => object.key.slice(prefix.length));
  return { names, last: page.truncated ? names.at(-1) : undefined };
}
