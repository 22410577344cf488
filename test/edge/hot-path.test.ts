import { describe, expect, it } from 'vitest';
import { matchHot } from '../../src/edge/hot-path.ts';
import { edge, publishContext, put } from './support/edge.ts';
import { makeChunk, makeContext, unusedId } from './support/objects.ts';

/** An empty query says the same and is not a pattern of the short way. */
const LONG_WAY = '?';

/** All of an answer that does not differ from one request to the next. */
async function answer(path: string, headers: Record<string, string> = {}) {
  const response = await edge(path, { headers: { 'x-request-id': 'compared', ...headers } });
  const { date: _, age: __, ...rest } = Object.fromEntries(response.headers);
  const cache = rest['cache-status']?.replace(/ttl=\d+/, 'ttl');
  return {
    status: response.status,
    headers: { ...rest, 'cache-status': cache },
    body: await response.text(),
  };
}

describe('the short way of popular requests', () => {
  it('is taken by GET of chunks, levels and manifests without credentials', () => {
    const id = unusedId();
    const taken = (path: string, init?: RequestInit) =>
      matchHot(new Request(`https://edge.test${path}`, init)) !== null;
    expect(taken(`/v1/chunks/${id}`)).toBe(true);
    expect(taken(`/v1/chunks/${id}?level=draft`)).toBe(true);
    expect(taken(`/v1/contexts/${id}`)).toBe(true);
    for (const path of [
      `/v1/chunks/${id}${LONG_WAY}`,
      `/v1/chunks/${id.toUpperCase()}`,
      `/v1/chunks/${id}/levels`,
      `/v1/chunks/${id}?level=draft&layers=0-1`,
      `/v1/chunks/${id}?level=DRAFT`,
      `/v1/chunks/${id}?layers=0-1`,
      `/v1/contexts/${id}?level=draft`,
      `/v2/v1/chunks/${id}`,
    ]) {
      expect([path, taken(path)]).toEqual([path, false]);
    }
    expect(taken(`/v1/chunks/${id}`, { method: 'DELETE' })).toBe(false);
    expect(taken(`/v1/chunks/${id}`, { headers: { authorization: 'Bearer x' } })).toBe(false);
    expect(taken(`/v1/chunks/${id}`, { headers: { 'kvedge-tenant': 'x' } })).toBe(false);
  });

  it('ends in the answer of the long way', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id }));
    const context = await makeContext();
    await publishContext(context);
    const paths = [
      `/v1/chunks/${id}`,
      `/v1/contexts/${context.id}`,
      `/v1/chunks/${unusedId()}`,
      `/v1/contexts/${unusedId()}`,
    ];
    for (const path of [...paths, ...paths]) await edge(path); // both ways then find the same in memory and cache
    for (const path of paths) {
      for (const asked of [
        {},
        { range: 'bytes=2-5' },
        { range: 'bytes=99999999-' },
        { 'if-none-match': '*' },
      ]) {
        const short = await answer(path, asked);
        expect({ path, asked, short }).toEqual({ path, asked, short: await answer(path + LONG_WAY, asked) });
      }
    }
  });

  it('refuses an unknown level as the long way does', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id }));
    const path = `/v1/chunks/${id}?level=nothing-such`;
    const short = await answer(path);
    expect(short.status).toBe(422);
    expect(short).toEqual(await answer(`${path}&`));
  });
});
