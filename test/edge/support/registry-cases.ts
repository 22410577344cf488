import { afterEach, beforeEach, expect, vi } from 'vitest';
import { HOLD_MS, PUBLISH_LEASE_MS, REMOVAL_LEASE_MS } from '../../../src/edge/registry/leases.ts';
import { condemnOrphans } from '../../../src/edge/registry/removal.ts';
import { dropChunks, settleContext } from '../../../src/edge/removal.ts';
import { sweep } from '../../../src/edge/sweep/index.ts';
import { expectSettled } from './audit.ts';
import { BUCKET, edge, publishContext, put, putManifest, putPayloads, REGISTRY } from './edge.ts';
import { makeContext } from './objects.ts';
import { dying, observed } from './observed.ts';

export const stores = { BLOBS: BUCKET, REGISTRY };
export const PHASES = ['before', 'after'] as const;
export const ENOUGH_MS = 2 * Math.max(PUBLISH_LEASE_MS, REMOVAL_LEASE_MS);

/** For the tests of a file: an empty store, a clock that they move, and no noise. */
export function useRegistry(): void {
  beforeEach(async () => {
    await wipe();
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.spyOn(console, 'error').mockImplementation(() => {});
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

export const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
type Context = Awaited<ReturnType<typeof makeContext>>;

/** Two contexts with one chunk in common; both are stored, the first is published, the second as told. */
export async function pair(second: 'published' | 'stored', expiresAt: string | null = null) {
  const shown = await makeContext({ chunkCount: 3, expiresAt });
  await publishContext(shown);
  const other = await makeContext({ chunkCount: 2, prefix: shown.chunks.slice(0, 1) });
  if (second === 'published') await publishContext(other);
  else await putPayloads(other);
  return { shown, other };
}

export const remove = (context: Context, env = {}) =>
  edge(`/v1/contexts/${context.id}`, { method: 'DELETE', scope: 'admin', env });

export const publishAt = (context: Context, env = {}) => putManifest(context, context.manifest, {}, env);

/** All that an origin does to publish. */
export async function publishWhole(context: Context, env = {}) {
  for (const [i, object] of context.objects.entries()) {
    const response = await put(`/v1/chunks/${context.ids[i]}`, object, { env });
    if (response.status >= 400) return response;
  }
  return publishAt(context, env);
}

/** Lets holds run out, then sweeps until nothing is left to do. */
export async function settle(): Promise<void> {
  for (let run = 0; run < 3; run++) {
    later(20 * ENOUGH_MS);
    const report = await sweep(stores);
    expect(report.failed).toBe(0);
    if (report.contexts + report.chunks + report.adopted === 0) break;
  }
  await expectSettled();
  await wipe();
}

/** Begins anew, so that no audit has to look at what an earlier one has seen. */
async function wipe(): Promise<void> {
  const tables = ['contexts', 'chunks', 'refs', 'publishing', 'publishers', 'tombstones', 'sweep_cursors'];
  await REGISTRY.batch(tables.map((table) => REGISTRY.prepare(`DELETE FROM ${table}`)));
  const { objects } = await BUCKET.list();
  await BUCKET.delete(objects.map((object) => object.key));
}

export interface Pair {
  shown: Context;
  other: Context;
}

/** Something that writes to bucket and registry, and what it needs to find there. */
export interface Case {
  name: string;
  prepare: () => Promise<Pair>;
  act: (contexts: Pair, env: object) => Promise<unknown>;
}

const uncached = async () => {};
const expiry = () => new Date(Date.now() + 1000).toISOString();
export const PUBLISH: Case = {
  name: 'a publish with its chunks',
  prepare: () => pair('stored'),
  act: ({ other }, env) => publishWhole(other, env),
};
export const DELETION: Case = {
  name: 'a deletion',
  prepare: () => pair('published'),
  act: ({ shown }, env) => remove(shown, env),
};
export const CASES: Case[] = [
  PUBLISH,
  {
    name: 'a publish again',
    prepare: () => pair('published'),
    act: ({ shown }, env) => publishAt(shown, env),
  },
  DELETION,
  {
    name: 'the expiry of a context',
    prepare: async () => {
      const contexts = await pair('published', expiry());
      later(2000);
      return contexts;
    },
    act: ({ shown }, env) => settleContext({ ...stores, ...env }, shown.id, 'expired', uncached),
  },
  {
    name: 'the removal of orphans',
    prepare: async () => {
      const contexts = await pair('stored');
      later(HOLD_MS + 1);
      return contexts;
    },
    act: async (_, env) => {
      const watched = { ...stores, ...env };
      await dropChunks(watched, await condemnOrphans(watched.REGISTRY, 10), uncached);
    },
  },
];

/** The steps of a case that nothing disturbs. */
export async function stepsOf({ prepare, act }: Case): Promise<string[]> {
  const watch = dying(Number.POSITIVE_INFINITY, 'before');
  await act(await prepare(), observed(stores, watch));
  await settle();
  return watch.steps;
}
