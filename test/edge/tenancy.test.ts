import { describe, expect, it } from 'vitest';
import type { JobStatus } from '../../src/protocol/api.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import {
  BUCKET,
  edge,
  expectProblem,
  publishContext,
  put,
  putManifest,
  putPayloads,
  sendJson,
} from './support/edge.ts';
import { lease, report, reported, servedModel } from './support/jobs.ts';
import { unusedId } from './support/objects.ts';
import { actingFor, makePrivate, publishPrivate, saltOf } from './support/tenants.ts';

const ann = { scope: 'read', tenant: 'ann' } as const;
const bob = { scope: 'read', tenant: 'bob' } as const;

describe('a private context', () => {
  it('is read by its tenant in every form, and stays out of shared caches', async () => {
    const context = await publishPrivate('ann', { chunkCount: 2 });
    const [chunk] = context.ids;
    for (const path of [
      `/v1/contexts/${context.id}`,
      `/v1/contexts/${context.id}/tokens`,
      `/v1/chunks/${chunk}`,
      `/v1/chunks/${chunk}?level=draft`,
      `/v1/chunks/${chunk}?maxBytes=100000`,
      `/v1/chunks/${chunk}?layers=0-1`,
    ]) {
      for (const method of ['GET', 'GET', 'HEAD']) {
        const response = await edge(path, { ...ann, method });
        expect(response.status, path).toBe(200);
        expect(response.headers.get('cache-control'), path).toMatch(/^private, /);
        expect(response.headers.get('cache-control'), path).not.toContain('public');
        expect(response.headers.get('vary'), path).toBe('Authorization');
      }
      const etag = (await edge(path, ann)).headers.get('etag')!;
      const unchanged = await edge(path, { ...ann, headers: { 'if-none-match': etag } });
      expect(unchanged.status).toBe(304);
      expect(unchanged.headers.get('cache-control')).toMatch(/^private, /);
      expect(unchanged.headers.get('vary')).toBe('Authorization');
    }
    const part = await edge(`/v1/chunks/${chunk}`, { ...ann, headers: { range: 'bytes=0-9' } });
    expect(part.status).toBe(206);
    const manifest = (await (await edge(`/v1/contexts/${context.id}`, ann)).json()) as Manifest;
    expect(manifest).toMatchObject({ visibility: 'private', tenantSalt: await saltOf('ann') });
    const events = await edge(`/v1/contexts/${context.id}/events`, ann);
    expect(await events.text()).toContain('"published"');
    const stream = await edge(`/v1/contexts/${context.id}/stream?deadlineMs=9000&mbitPerSecond=50`, ann);
    expect(stream.headers.get('vary')).toBe('Authorization');
    expect(await stream.text()).toContain('"levels":["near-lossless","near-lossless"]');
  });

  it('does not exist for others, nor for a token of its tenant that may not read', async () => {
    const context = await publishPrivate('ann');
    await edge(`/v1/contexts/${context.id}`, ann); // now it is in the caches too
    await edge(`/v1/chunks/${context.ids[0]}`, ann);
    const readers = [
      {},
      bob,
      { scope: 'publish', tenant: 'ann' },
      { scope: 'admin', tenant: 'bob' },
    ] as const;
    for (const reader of readers) {
      for (const suffix of ['', '/tokens', '/events', '/stream?deadlineMs=100']) {
        await expectProblem(
          await edge(`/v1/contexts/${context.id}${suffix}`, reader),
          404,
          'context-not-found',
        );
      }
      for (const query of ['', '?level=draft', '?maxBytes=9999', '?layers=0-1']) {
        const response = await edge(`/v1/chunks/${context.ids[0]}${query}`, reader);
        await expectProblem(response, 404, 'chunk-not-found');
      }
    }
  });

  it('shares no id and no object with equal tokens of another tenant or of everybody', async () => {
    const firstToken = 77_000_000;
    const anns = await publishPrivate('ann', { firstToken });
    const bobs = await publishPrivate('bob', { firstToken });
    expect(anns.chunks).toEqual(bobs.chunks);
    expect(new Set([...anns.ids, anns.id, ...bobs.ids, bobs.id]).size).toBe(6);
    expect(await BUCKET.head(`chunks/${anns.ids[0]}`)).toBeNull();
    expect(await BUCKET.head(`tenants/ann/chunks/${anns.ids[0]}`)).not.toBeNull();
    expect(await BUCKET.head(`tenants/bob/chunks/${anns.ids[0]}`)).toBeNull();
    // Even an object that bob's origin stored under ann's id is bob's alone.
    await put(`/v1/chunks/${anns.ids[1]}`, anns.objects[1]!, { headers: actingFor('bob') });
    await BUCKET.delete(`tenants/ann/chunks/${anns.ids[1]}`);
    await expectProblem(await edge(`/v1/chunks/${anns.ids[1]}`, ann), 404, 'chunk-not-found');
  });

  it('does not make public contexts less readable, nor their answers private', async () => {
    const context = await makePublic();
    for (const reader of [{}, ann, { scope: 'publish' }] as const) {
      const response = await edge(`/v1/contexts/${context.id}`, reader);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toMatch(/^public/);
      expect(response.headers.get('vary')).toBeNull();
      expect((await edge(`/v1/chunks/${context.ids[0]}`, reader)).status).toBe(200);
    }
  });
});

async function makePublic() {
  const { makeContext } = await import('./support/objects.ts');
  const context = await makeContext();
  await publishContext(context);
  return context;
}

describe('POST /v1/contexts with visibility private', () => {
  const body = { model: 'small', text: 'Call me Ishmael.', visibility: 'private' };
  const sent = { scope: 'publish', tenant: 'ann' } as const;

  async function leasedJob() {
    const model = await servedModel();
    const response = await sendJson('POST', '/v1/contexts', { ...body, model }, sent);
    expect(response.status).toBe(202);
    return { model, answer: (await response.json()) as JobStatus, leased: (await lease([model]))! };
  }

  it('tells the origin whose it is and what its ids are salted with', async () => {
    const { model, answer, leased } = await leasedJob();
    const salt = await saltOf('ann');
    expect(leased.request).toEqual({ ...body, model, tenant: { name: 'ann', salt } });
    expect(salt).toMatch(/^[0-9a-f]{64}$/);
    expect(salt).not.toBe(await saltOf('bob'));
    expect(JSON.stringify(answer)).not.toContain(salt);
  });

  it('answers 201 with the manifest when it is published already', async () => {
    const { model, leased } = await leasedJob();
    const context = await publishPrivate('ann');
    await reported(leased, { type: 'published', id: context.id });
    const response = await sendJson('POST', '/v1/contexts', { ...body, model }, sent);
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual(context.manifest);
  });

  it('is another job than the same text of another tenant, or of everybody', async () => {
    const model = await servedModel();
    const ids = await Promise.all(
      [sent, { scope: 'publish', tenant: 'bob' } as const].map(async (publisher) => {
        const response = await sendJson('POST', '/v1/contexts', { ...body, model }, publisher);
        return ((await response.json()) as JobStatus).id;
      }),
    );
    const publicly = { ...body, model, visibility: 'public' };
    const response = await sendJson('POST', '/v1/contexts', publicly, sent);
    ids.push(((await response.json()) as JobStatus).id);
    expect(new Set(ids).size).toBe(3);
  });

  it('has a job that only its tenant can see, by the id of the job and of the context', async () => {
    const { leased } = await leasedJob();
    const id = unusedId();
    await reported(leased, { type: 'tokenized', id, tokenCount: 3, chunksTotal: 1 });
    for (const of of [leased.jobId, id]) {
      expect((await edge(`/v1/contexts/${of}`, ann)).status).toBe(202);
      for (const other of [{}, bob, { scope: 'publish', tenant: 'ann' } as const]) {
        for (const suffix of ['', '/events']) {
          const response = await edge(`/v1/contexts/${of}${suffix}`, other);
          await expectProblem(response, 404, 'context-not-found');
        }
      }
    }
    const inAnotherName = { ...leased, request: { ...leased.request, tenant: { name: 'bob', salt: id } } };
    await expectProblem(await report(inAnotherName), 409, 'lease-lost');
  });

  it('does not take from the client whose it is', async () => {
    const forged = { ...body, tenant: { name: 'bob', salt: unusedId() } };
    await expectProblem(await sendJson('POST', '/v1/contexts', forged, sent), 400, 'bad-request');
  });

  it('needs the secret of the salts', async () => {
    for (const secret of [undefined, 'short', '?']) {
      const env = { KVEDGE_TENANT_SECRET: secret as string };
      const response = await sendJson('POST', '/v1/contexts', body, { ...sent, env });
      expect(await expectProblem(response, 500, 'internal')).toContain('KVEDGE_TENANT_SECRET');
    }
  });
});

describe('an origin that publishes for a tenant', () => {
  it.each(['publish', 'read', 'admin'] as const)('needs the scope compute, not %s', async (scope) => {
    const response = await edge(`/v1/chunks/${unusedId()}`, { scope, headers: actingFor('ann') });
    await expectProblem(response, 403, 'forbidden');
  });

  it('needs a token at all, and a name that is one', async () => {
    const path = `/v1/chunks/${unusedId()}`;
    await expectProblem(await edge(path, { headers: actingFor('ann') }), 401, 'unauthorized');
    for (const name of ['../ann', '..', '', 'a/b', 'x'.repeat(65)]) {
      const response = await edge(path, { scope: 'compute', headers: actingFor(name) });
      await expectProblem(response, 400, 'bad-request');
    }
  });

  it('finds what is there, and nothing of the others', async () => {
    const context = await publishPrivate('ann');
    const head = (headers: HeadersInit) =>
      edge(`/v1/chunks/${context.ids[0]}`, { method: 'HEAD', scope: 'compute', headers });
    expect((await head(actingFor('ann'))).status).toBe(200);
    expect((await head(actingFor('bob'))).status).toBe(404);
    expect((await head({})).status).toBe(404);
  });

  it('cannot mix up tenants, salts and visibility', async () => {
    const context = await makePrivate('ann');
    for (const tenant of ['ann', 'bob']) await putPayloads(context, actingFor(tenant));
    const refused = async (headers: HeadersInit, manifest: Manifest = context.manifest) =>
      expectProblem(await putManifest(context, manifest, headers), 422, 'invalid-content');
    expect(await refused({})).toContain('visibility');
    expect(await refused(actingFor('bob'))).toContain('tenantSalt');
    const { tenantSalt: _, ...bare } = context.manifest;
    expect(await refused(actingFor('ann'), { ...bare, visibility: 'public' })).toContain('visibility');
    const unsalted = await putManifest(context, bare as Manifest, actingFor('ann'));
    await expectProblem(unsalted, 400, 'bad-request');
    expect((await putManifest(context, context.manifest, actingFor('ann'))).status).toBe(201);
  });
});
