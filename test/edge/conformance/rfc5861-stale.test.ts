import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import { BUCKET, edge, expectProblem, publishContext, putManifest } from '../support/edge.ts';
import { makeContext } from '../support/objects.ts';

const FRESH_SECONDS = 60;
const REVALIDATE_SECONDS = 300;
const IF_ERROR_SECONDS = 86_400;

/** R2 as it is when it fails. */
const down: Partial<Env> = {
  BLOBS: new Proxy(BUCKET, { get: () => () => Promise.reject(new Error('R2 is down')) }),
};

type Context = Awaited<ReturnType<typeof makeContext>>;
const pass = (seconds: number) => vi.setSystemTime(Date.now() + 1000 * seconds);
const cacheStatus = (response: Response) => response.headers.get('cache-status');

describe('stale manifests (RFC 5861)', () => {
  let context: Context;
  const get = (env?: Partial<Env>) => edge(`/v1/contexts/${context.id}`, env === undefined ? {} : { env });

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    context = await makeContext();
    await publishContext(context);
    await get();
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('RFC 9111, 4.2: a fresh copy needs no store', async () => {
    pass(FRESH_SECONDS - 1);
    const response = await get(down);
    expect(response.status).toBe(200);
    expect(cacheStatus(response)).toBe('kvedge; hit; ttl=1');
    expect(response.headers.get('age')).toBe('59');
    expect(await response.json()).toEqual(context.manifest);
  });

  it('3: serves a stale copy while it asks the store, and then a fresh one', async () => {
    pass(FRESH_SECONDS + 10);
    const stale = await get();
    expect(cacheStatus(stale)).toBe('kvedge; hit; ttl=-10; detail=stale-while-revalidate');
    expect(stale.headers.get('age')).toBe('70');
    const fresh = await get();
    expect(cacheStatus(fresh)).toBe('kvedge; hit; ttl=60');
    expect(fresh.headers.get('age')).toBe('0');
  });

  it('3: shows a replaced manifest after one stale answer', async () => {
    const key = `contexts/${context.id}/manifest`;
    const { createdAt, ...rest } = context.manifest;
    const replaced = JSON.stringify({ createdAt, ...rest });
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(replaced));
    await BUCKET.put(key, replaced, { sha256: digest });
    pass(FRESH_SECONDS + 1);
    const before = (await get()).headers.get('etag');
    expect((await get()).headers.get('etag')).not.toBe(before);
  });

  it('3: notices in the background that a manifest is gone', async () => {
    await BUCKET.delete(`contexts/${context.id}/manifest`);
    pass(FRESH_SECONDS + 1);
    expect((await get()).status).toBe(200);
    await expectProblem(await get(), 404, 'context-not-found');
  });

  it('3: keeps the stale copy when the store fails in the background', async () => {
    pass(FRESH_SECONDS + 1);
    for (let i = 0; i < 2; i++) {
      expect(cacheStatus(await get(down))).toBe('kvedge; hit; ttl=-1; detail=stale-while-revalidate');
    }
  });

  it('3: asks first once the copy is older than stale-while-revalidate allows', async () => {
    pass(FRESH_SECONDS + REVALIDATE_SECONDS);
    const response = await get();
    expect(cacheStatus(response)).toBe('kvedge; fwd=stale; stored');
    expect(response.headers.has('age')).toBe(false);
    expect(cacheStatus(await get())).toBe('kvedge; hit; ttl=60');
  });

  it('4: serves a stale copy when the store fails', async () => {
    pass(FRESH_SECONDS + IF_ERROR_SECONDS - 1);
    const response = await get(down);
    expect(response.status).toBe(200);
    expect(cacheStatus(response)).toBe('kvedge; fwd=stale; detail=stale-if-error');
    expect(response.headers.get('age')).toBe(String(FRESH_SECONDS + IF_ERROR_SECONDS - 1));
    expect(await response.json()).toEqual(context.manifest);
  });

  it('4: and answers conditions on it', async () => {
    const etag = (await get()).headers.get('etag')!;
    pass(FRESH_SECONDS + REVALIDATE_SECONDS);
    const path = `/v1/contexts/${context.id}`;
    expect((await edge(path, { env: down, headers: { 'if-none-match': etag } })).status).toBe(304);
    const other = await edge(path, { env: down, headers: { 'if-match': '"another"' } });
    await expectProblem(other, 412, 'precondition-failed');
  });

  it('4: but not longer than stale-if-error allows', async () => {
    pass(FRESH_SECONDS + IF_ERROR_SECONDS);
    const response = await get(down);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    await expectProblem(response, 503, 'store-unreachable');
  });

  it('a stale copy of what the store no longer has is dropped', async () => {
    await BUCKET.delete(`contexts/${context.id}/manifest`);
    pass(FRESH_SECONDS + REVALIDATE_SECONDS);
    for (let i = 0; i < 2; i++) {
      await expectProblem(await get(), 404, 'context-not-found');
    }
  });

  it('a publish makes the next answer new at once', async () => {
    const expiresAt = new Date(Date.now() + 30 * 86_400_000).toISOString();
    await putManifest(context, { ...context.manifest, expiresAt: null });
    expect((await get()).headers.get('cache-control')).toContain('stale-if-error=86400');
    const soon = await makeContext({ expiresAt });
    await publishContext(soon);
    await edge(`/v1/contexts/${soon.id}`);
    await putManifest(soon, { ...soon.manifest, expiresAt: null });
    const response = await edge(`/v1/contexts/${soon.id}`);
    expect(((await response.json()) as { expiresAt: unknown }).expiresAt).toBeNull();
  });
});
