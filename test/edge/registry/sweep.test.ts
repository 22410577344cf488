import { createScheduledController } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import { HOLD_MS } from '../../../src/edge/registry/leases.ts';
import { sweep } from '../../../src/edge/sweep/index.ts';
import worker from '../../../src/edge/worker.ts';
import { expectSettled } from '../support/audit.ts';
import {
  BUCKET,
  edge,
  expectProblem,
  publishContext,
  put,
  putManifest,
  putPayloads,
  REGISTRY,
} from '../support/edge.ts';
import { makeContext } from '../support/objects.ts';
import { later, settle, stores, useRegistry } from '../support/registry-cases.ts';

useRegistry();

const inSeconds = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
const stored = async (key: string) => (await BUCKET.head(key)) !== null;

describe('the sweep', () => {
  it('runs by the cron trigger: an expired context is gone, and so are its chunks', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const expiring = await makeContext({ expiresAt: inSeconds(60) });
    await publishContext(expiring);
    const staying = await makeContext({ chunkCount: 2, prefix: expiring.chunks.slice(0, 1) });
    await publishContext(staying);
    later(61_000);
    await expectProblem(await edge(`/v1/contexts/${expiring.id}`), 410, 'context-gone');
    await worker.scheduled(createScheduledController(), stores as Env);
    const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)) as { message: string });
    expect(lines.filter(({ message }) => message === 'sweep')).toEqual([
      expect.objectContaining({ contexts: 1, chunks: 0, adopted: 0, failed: 0 }),
    ]);
    await expectProblem(await edge(`/v1/contexts/${expiring.id}`), 410, 'context-gone');
    expect(await stored(`contexts/${expiring.id}/manifest`)).toBe(false);
    expect(await stored(`chunks/${expiring.ids[0]}`)).toBe(true);
    expect(await stored(`chunks/${expiring.ids[1]}`)).toBe(false);
    expect((await edge(`/v1/contexts/${staying.id}`)).status).toBe(200);
    await settle();
  });

  it('keeps a context whose expiry was put off, whatever the registry says', async () => {
    const context = await makeContext({ expiresAt: inSeconds(3600) });
    await publishContext(context);
    await REGISTRY.prepare('UPDATE contexts SET expires_at_ms = 1').run();
    await sweep(stores);
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
    await expectSettled();
  });

  it('removes chunks that nobody came to refer to, once their hold has ended', async () => {
    const orphan = await makeContext();
    await putPayloads(orphan);
    later(HOLD_MS - 1000);
    await sweep(stores);
    expect(await stored(`chunks/${orphan.ids[0]}`)).toBe(true);
    // Storing a chunk again begins its hold anew.
    expect((await put(`/v1/chunks/${orphan.ids[1]}`, orphan.objects[1]!)).status).toBe(200);
    later(2000);
    await sweep(stores);
    expect(await stored(`chunks/${orphan.ids[0]}`)).toBe(false);
    expect(await stored(`chunks/${orphan.ids[1]}`)).toBe(true);
    expect((await put(`/v1/chunks/${orphan.ids[0]}`, orphan.objects[0]!)).status).toBe(201);
    expect((await putManifest(orphan)).status).toBe(201);
    await settle();
  });

  it('does a bounded part of the work, and the next run goes on', async () => {
    for (let i = 0; i < 12; i++) await publishContext(await makeContext({ expiresAt: inSeconds(60) }));
    later(61_000);
    expect(await sweep(stores)).toMatchObject({ contexts: 10, failed: 0 });
    expect(await sweep(stores)).toMatchObject({ contexts: 2, failed: 0 });
    expect(await sweep(stores)).toMatchObject({ contexts: 0, failed: 0 });
    await expectSettled();
  });

  it('goes on with the rest when one step fails', async () => {
    for (let i = 0; i < 3; i++) await publishContext(await makeContext({ expiresAt: inSeconds(60) }));
    later(61_000);
    let failures = 0;
    const flaky = new Proxy(BUCKET, {
      get(target, name) {
        const value = Reflect.get(target, name);
        return (...args: unknown[]) => {
          if (name === 'delete' && failures++ === 0) throw new Error('R2 is away');
          return value.apply(target, args);
        };
      },
    });
    expect(await sweep({ ...stores, BLOBS: flaky })).toMatchObject({ contexts: 2, failed: 1 });
    await settle();
  });

  it('makes a lost registry anew from the bucket, and removes nothing that a context needs', async () => {
    const contexts = [];
    for (let i = 0; i < 12; i++) contexts.push(await makeContext());
    for (const context of contexts) await publishContext(context);
    const orphan = await makeContext({ chunkCount: 1 });
    await putPayloads(orphan);
    await REGISTRY.batch(
      ['contexts', 'refs', 'chunks'].map((table) => REGISTRY.prepare(`DELETE FROM ${table}`)),
    );
    expect(await sweep(stores)).toMatchObject({ adopted: 10, failed: 0 });
    expect(await sweep(stores)).toMatchObject({ adopted: 2, failed: 0 });
    expect(await sweep(stores)).toMatchObject({ adopted: 1, failed: 0 });
    await expectSettled();
    later(HOLD_MS + 1);
    expect(await sweep(stores)).toMatchObject({ chunks: 1, failed: 0 });
    for (const context of contexts) expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
    await settle();
  });

  it('does not stop at a manifest that it cannot read', async () => {
    await BUCKET.put(`contexts/${'0'.repeat(64)}/manifest`, 'no manifest', {
      sha256: await crypto.subtle.digest('SHA-256', new TextEncoder().encode('no manifest')),
    });
    const context = await makeContext();
    await publishContext(context);
    await REGISTRY.prepare('DELETE FROM contexts').run();
    await sweep(stores);
    expect(
      await REGISTRY.prepare('SELECT id FROM contexts')
        .all()
        .then((found) => found.results),
    ).toEqual([{ id: context.id }]);
  });

  it('forgets tombstones after a year', async () => {
    const context = await makeContext();
    await publishContext(context);
    await edge(`/v1/contexts/${context.id}`, { method: 'DELETE', scope: 'admin' });
    later(366 * 86_400_000);
    await sweep(stores);
    expect(await REGISTRY.prepare('SELECT id FROM tombstones').first()).toBeNull();
  });
});
