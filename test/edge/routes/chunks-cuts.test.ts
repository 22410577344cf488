import { beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/protocol/ids.ts';
import { BUCKET, edge, expectProblem, publishContext, put } from '../support/edge.ts';
import { levelsOf, makeChunk, makeContext, makeProfile, unusedId } from '../support/objects.ts';

const down = new Proxy(BUCKET, { get: () => () => Promise.reject(new Error('R2 is down')) });

describe('cuts of a chunk', () => {
  const id = unusedId();
  const path = `/v1/chunks/${id}`;
  let object: Uint8Array<ArrayBuffer>;
  let levels: Awaited<ReturnType<typeof levelsOf>>;

  beforeAll(async () => {
    const profile = makeProfile();
    const profileId = await sha256Hex(profile);
    object = makeChunk({ id, profileId });
    levels = await levelsOf(object);
    await put(`/v1/profiles/${profileId}`, profile);
    await put(path, object);
  });

  it('answers a deadline with the best level that arrives in time, and says which', async () => {
    for (const [slack, level] of [
      [-1, levels[0]!],
      [0, levels[1]!],
      [1, levels[1]!],
    ] as const) {
      // At 0.008 Mbit/s a byte takes a millisecond.
      const query = `deadlineMs=${levels[1]!.bytes + slack}&mbitPerSecond=0.008`;
      const response = await edge(`${path}?${query}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('etag')).toBe(`"${level.sha256}"`);
      const location = response.headers.get('content-location')!;
      expect(location).toBe(`${path}?level=${level.name}`);
      const direct = await edge(location);
      expect(await direct.arrayBuffer()).toEqual(await response.arrayBuffer());
    }
  });

  it.each([
    'deadlineMs=100',
    'mbitPerSecond=5',
    'deadlineMs=-1&mbitPerSecond=5',
    'deadlineMs=600001&mbitPerSecond=5',
  ])('refuses ?%s', async (query) => {
    await expectProblem(await edge(`${path}?${query}`), 400, 'bad-request');
  });

  it('makes a cut of layers once, and then streams it from the cache', async () => {
    const first = await edge(`${path}?layers=0-1`);
    expect(first.headers.get('cache-status')).toBe('kvedge; fwd=uri-miss; stored; detail=cut');
    expect(first.headers.get('server-timing')).toMatch(/^cut;dur=[\d.]+, digest;dur=[\d.]+$/);
    const bytes = new Uint8Array(await first.arrayBuffer());

    const env = { BLOBS: down };
    const second = await edge(`${path}?layers=0-1`, { env });
    expect(second.headers.get('cache-status')).toBe('kvedge; hit; detail=cut');
    expect(second.headers.has('server-timing')).toBe(false);
    expect(new Uint8Array(await second.arrayBuffer())).toEqual(bytes);
    const part = await edge(`${path}?layers=0-1`, { env, headers: { range: 'bytes=5-8' } });
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(5, 9));
    const etag = second.headers.get('etag')!;
    const unchanged = await edge(`${path}?layers=0-1`, { env, headers: { 'if-none-match': etag } });
    expect(unchanged.status).toBe(304);
  });

  it('never mixes the cuts of two ranges, nor of a replaced object', async () => {
    const etags = new Set<string | null>();
    for (const layers of ['0-1', '2-3', '0-3']) {
      etags.add((await edge(`${path}?layers=${layers}`)).headers.get('etag'));
    }
    expect(etags.size).toBe(3);
    await BUCKET.delete(`chunks/${id}`);
    const profileId = await sha256Hex(makeProfile());
    await put(path, makeChunk({ id, profileId, seed: 9 }));
    expect(etags).not.toContain((await edge(`${path}?layers=0-1`)).headers.get('etag'));
  });

  it('takes cuts and manifest out of memory and cache when the context is removed', async () => {
    const context = await makeContext();
    await publishContext(context);
    const chunk = context.ids[0]!;
    const manifest = `/v1/contexts/${context.id}`;
    expect((await edge(`/v1/chunks/${chunk}?layers=0-1`)).status).toBe(200);
    for (let i = 0; i < 2; i++) expect((await edge(manifest)).status).toBe(200);
    const { sha256 } = context.manifest.chunks[0]!.levels.at(-1)!;
    const cut = () =>
      caches.default.match(`https://edge.test/.cache/derived/chunks/${chunk}/${sha256}/layers-0-1`);
    expect((await cut())?.status).toBe(200);
    expect((await edge(manifest, { method: 'DELETE', scope: 'admin' })).status).toBe(204);
    expect(await cut()).toBeUndefined();
    await expectProblem(await edge(manifest), 410, 'context-gone');
    await expectProblem(await edge(`/v1/chunks/${chunk}?layers=0-1`), 404, 'chunk-not-found');
  });

  it('reports what validation on ingest cost', async () => {
    const response = await put(path, object);
    expect(response.headers.get('server-timing')).toMatch(/^validate;dur=[\d.]+, digest;dur=[\d.]+$/);
  });
});

describe('conditions of PUT (RFC 9110, section 13.1)', () => {
  it('stores only what is absent, and replaces only what is meant', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const path = `/v1/chunks/${id}`;
    const send = (headers: Record<string, string>) => put(path, object, { headers });
    await expectProblem(await send({ 'if-match': '*' }), 412, 'precondition-failed');
    expect((await send({ 'if-none-match': '*' })).status).toBe(201);
    await expectProblem(await send({ 'if-none-match': '*' }), 412, 'precondition-failed');
    await expectProblem(await send({ 'if-match': '"another"' }), 412, 'precondition-failed');
    expect((await send({ 'if-match': `"${await sha256Hex(object)}"` })).status).toBe(200);
  });
});
