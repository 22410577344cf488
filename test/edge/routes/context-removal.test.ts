import { afterEach, describe, expect, it, vi } from 'vitest';
import { mintToken, parseTokenKeys, type Scope } from '../../../src/protocol/token.ts';
import {
  BUCKET,
  edge,
  expectProblem,
  publishContext,
  putManifest,
  putPayloads,
  REGISTRY,
  SECRET,
  sendJson,
} from '../support/edge.ts';
import { lease, reported, servedModel, submit } from '../support/jobs.ts';
import { makeContext, unusedId } from '../support/objects.ts';

afterEach(() => vi.restoreAllMocks());

const remove = (id: string, scope: Scope = 'admin') =>
  edge(`/v1/contexts/${id}`, { method: 'DELETE', scope });

async function tokenOf(tenant: string) {
  const token = await mintToken({
    keys: parseTokenKeys(SECRET),
    tenant,
    scopes: ['publish'],
    ttlSeconds: 60,
  });
  return { authorization: `Bearer ${token}` };
}

describe('DELETE /v1/contexts/{id}', () => {
  it('makes a context gone, its chunks and its cached copies too, and says so again', async () => {
    const context = await makeContext();
    await publishContext(context);
    const paths = ['', '/tokens', '/events'].map((suffix) => `/v1/contexts/${context.id}${suffix}`);
    for (const path of paths) expect((await edge(path)).status).toBe(200);
    expect((await edge(`/v1/chunks/${context.ids[0]}`)).status).toBe(200);

    const response = await remove(context.id);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    for (const path of paths) await expectProblem(await edge(path), 410, 'context-gone');
    for (const id of context.ids) {
      await expectProblem(await edge(`/v1/chunks/${id}`), 404, 'chunk-not-found');
      expect(await BUCKET.head(`chunks/${id}`)).toBeNull();
    }
    expect(await BUCKET.head(`contexts/${context.id}/tokens`)).toBeNull();
    expect((await remove(context.id)).status).toBe(204);
  });

  it('keeps chunks that another context refers to, until that goes too', async () => {
    const one = await makeContext({ chunkCount: 3 });
    await publishContext(one);
    const two = await makeContext({ chunkCount: 3, prefix: one.chunks.slice(0, 2) });
    await publishContext(two);
    expect(two.ids.slice(0, 2)).toEqual(one.ids.slice(0, 2));

    await remove(one.id);
    const stored = async (id: string) => (await BUCKET.head(`chunks/${id}`)) !== null;
    expect(await Promise.all(one.ids.map(stored))).toEqual([true, true, false]);
    for (const id of two.ids) expect((await edge(`/v1/chunks/${id}`)).status).toBe(200);
    await remove(two.id);
    expect(await Promise.all(two.ids.map(stored))).toEqual([false, false, false]);
  });

  it('lets the context be published again', async () => {
    const context = await makeContext();
    await publishContext(context);
    await remove(context.id);
    await expectProblem(await putManifest(context), 409, 'payload-missing');
    await expectProblem(await edge(`/v1/contexts/${context.id}`), 410, 'context-gone');
    await publishContext(context);
    expect(await (await edge(`/v1/contexts/${context.id}`)).json()).toEqual(context.manifest);
    expect((await edge(`/v1/chunks/${context.ids[1]}`)).status).toBe(200);
  });

  it('answers 202 instead of 410 as soon as it is asked for again', async () => {
    const context = await makeContext();
    await publishContext(context);
    await remove(context.id);
    await expectProblem(await edge(`/v1/contexts/${context.id}`), 410, 'context-gone');
    const model = await servedModel();
    expect((await submit({ model, text: 'asked for again' })).status).toBe(202);
    const job = (await lease([model]))!;
    await reported(job, { type: 'tokenized', id: context.id, tokenCount: 356, chunksTotal: 2 });
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(202);
    await reported(job, { type: 'failed', code: 'context-too-large', detail: 'enough of it' });
  });

  it('gives 404 for what was never published, and 503 while it is being published', async () => {
    await expectProblem(await remove(unusedId()), 404, 'context-not-found');
    const context = await makeContext();
    await publishContext(context);
    await REGISTRY.prepare(`INSERT INTO publishing VALUES ('lease', ?1, ?2)`)
      .bind(context.id, Date.now() + 60_000)
      .run();
    const response = await remove(context.id);
    expect(response.headers.get('retry-after')).toBe('5');
    await expectProblem(response, 503, 'registry-busy');
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
    await REGISTRY.prepare(`DELETE FROM publishing`).run();
    expect((await remove(context.id)).status).toBe(204);
  });

  it('removes contexts that were published before there was a registry', async () => {
    const context = await makeContext();
    await publishContext(context);
    await REGISTRY.batch(
      ['contexts', 'refs', 'chunks'].map((table) => REGISTRY.prepare(`DELETE FROM ${table}`)),
    );
    expect((await remove(context.id)).status).toBe(204);
    await expectProblem(await edge(`/v1/contexts/${context.id}`), 410, 'context-gone');
    expect(await BUCKET.head(`chunks/${context.ids[0]}`)).toBeNull();
  });

  it('takes the scope "admin", or "publish" of the only tenant that asked for it', async () => {
    const context = await makeContext();
    const path = `/v1/contexts/${context.id}`;
    const model = await servedModel();
    const askAs = async (tenant: string) =>
      sendJson(
        'POST',
        '/v1/contexts',
        { model, text: 'x' },
        { scope: undefined, headers: await tokenOf(tenant) },
      );
    const removeAs = async (tenant: string) =>
      edge(path, { method: 'DELETE', headers: await tokenOf(tenant) });
    await askAs('alice');
    const job = (await lease([model]))!;
    await reported(job, { type: 'tokenized', id: context.id, tokenCount: 356, chunksTotal: 2 });
    await putPayloads(context);
    await putManifest(context);
    await reported(job, { type: 'published', id: context.id });

    await expectProblem(await edge(path, { method: 'DELETE' }), 401, 'unauthorized');
    await expectProblem(await edge(path, { method: 'DELETE', scope: 'read' }), 403, 'forbidden');
    await expectProblem(await removeAs('bob'), 403, 'forbidden');
    await askAs('bob');
    await expectProblem(await removeAs('alice'), 403, 'forbidden');
    await REGISTRY.prepare(`DELETE FROM publishers WHERE tenant = 'bob'`).run();
    expect((await removeAs('alice')).status).toBe(204);
  });

  it('is not for a tenant that asks for what somebody else had published', async () => {
    const context = await makeContext();
    await publishContext(context);
    const model = await servedModel();
    const mallory = await tokenOf('mallory');
    await sendJson('POST', '/v1/contexts', { model, text: 'y' }, { scope: undefined, headers: mallory });
    const job = (await lease([model]))!;
    const tokenized = { type: 'tokenized', id: context.id, tokenCount: 356, chunksTotal: 2 } as const;
    await reported(job, tokenized, { type: 'published', id: context.id });
    const path = `/v1/contexts/${context.id}`;
    await expectProblem(await edge(path, { method: 'DELETE', headers: mallory }), 403, 'forbidden');
  });

  it('lets reads of what is published go on while the registry is away', async () => {
    const context = await makeContext();
    await publishContext(context);
    const away = new Proxy(REGISTRY, {
      get: () => () => {
        throw new Error('D1 is away');
      },
    });
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const env = { REGISTRY: away };
    for (const path of [`/v1/contexts/${context.id}`, `/v1/chunks/${context.ids[0]}`]) {
      expect((await edge(path, { env })).status).toBe(200);
    }
    await expectProblem(await edge(`/v1/contexts/${unusedId()}`, { env }), 404, 'context-not-found');
  });
});
