import type { z } from 'zod';
import type { PurgeRequest, PurgeResult } from '../protocol/registry.ts';
import type { Stores } from './env.ts';
import { chunksOnlyOf, type Selection, selectContexts } from './registry/contexts.ts';
import { type Evict, removeContext } from './removal.ts';

/** What one call may remove: a Worker's request has a bounded number of subrequests. */
const MAX_CONTEXTS = 20;
const MAX_CHUNKS = 500;

/** Removes the contexts that a request selects, or tells which those are; a bounded number of them, then a cursor. */
export async function purge(
  stores: Stores,
  request: z.output<typeof PurgeRequest>,
  evict: Evict,
): Promise<PurgeResult> {
  const { dryRun, cursor: after, olderThanSeconds } = request;
  const selection: Selection = {
    ...request,
    createdUntilMs: olderThanSeconds === undefined ? undefined : Date.now() - olderThanSeconds * 1000,
  };
  const page = await selectContexts(stores.REGISTRY, selection, after, MAX_CONTEXTS, MAX_CHUNKS);
  if (dryRun) {
    const chunks = await chunksOnlyOf(stores.REGISTRY, selection, page.contexts);
    return { dryRun, contexts: page.contexts, chunks, busy: [], cursor: page.cursor };
  }
  const result: PurgeResult = { dryRun, contexts: [], chunks: [], busy: [], cursor: page.cursor };
  for (const context of page.contexts) {
    const chunks = await removeContext(stores, context.id, 'purged', evict);
    if (chunks === null) {
      result.busy.push(context.id);
      continue;
    }
    result.contexts.push(context);
    result.chunks.push(...chunks.map(({ id, bytes }) => ({ id, bytes })));
  }
  result.chunks.sort((a, b) => (a.id < b.id ? -1 : 1));
  return result;
}
