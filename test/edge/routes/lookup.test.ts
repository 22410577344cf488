import { describe, expect, it } from 'vitest';
import { lookup } from '../../../src/edge/lookup.ts';
import { ZERO_ID } from '../../../src/protocol/ids.ts';
import type { LookupResult, ModelList } from '../../../src/protocol/registry.ts';
import { edge, expectProblem, publishContext, put, REGISTRY, sendJson } from '../support/edge.ts';
import { FINGERPRINT, GEOMETRY, makeContext, unusedId } from '../support/objects.ts';

const ask = (tokens: number[], more: object = {}) =>
  sendJson('POST', '/v1/lookup', { model: 'small', tokens, ...more }, { scope: undefined });
const find = async (tokens: number[], more: object = {}) => {
  const response = await ask(tokens, more);
  expect(response.status).toBe(200);
  return (await response.json()) as LookupResult;
};
const NOTHING: LookupResult = { tokenCount: 0, coding: null, chunks: [] };

async function published(spec: Parameters<typeof makeContext>[0] = {}) {
  const context = await makeContext(spec);
  await publishContext(context);
  return { ...context, tokens: context.chunks.flatMap((chunk) => chunk.tokens) };
}

describe('POST /v1/lookup', () => {
  it('finds a whole context, with its levels and what it was coded with', async () => {
    const context = await published({ chunkCount: 3 });
    expect(await find(context.tokens)).toEqual({
      tokenCount: context.tokens.length,
      coding: { modelFingerprint: FINGERPRINT, codec: 1, profileId: context.profileId },
      chunks: context.manifest.chunks.map(({ id, levels }) => ({ id, levels })),
    });
    expect((await find(context.tokens, { model: FINGERPRINT })).chunks).toHaveLength(3);
    expect((await find(context.tokens, { codec: 1, profileId: context.profileId })).chunks).toHaveLength(3);
  });

  it('finds the full chunks that tokens share with a context, and no part of one', async () => {
    const context = await published({ chunkCount: 3, lastTokens: 100 });
    const { tokens, ids } = context;
    const found = async (asked: number[]) => {
      const { tokenCount, chunks } = await find(asked);
      expect(chunks.map((chunk) => chunk.id)).toEqual(ids.slice(0, chunks.length));
      return tokenCount;
    };
    expect(await found([...tokens, 7])).toBe(512);
    expect(await found(tokens.slice(0, -1))).toBe(512);
    expect(await found(tokens.slice(0, 512))).toBe(512);
    expect(await found(tokens.slice(0, 511))).toBe(256);
    expect(await found([...tokens.slice(0, 256), 7, ...tokens.slice(257)])).toBe(256);
    expect(await found([7, ...tokens.slice(1)])).toBe(0);
    expect(await found(tokens.slice(256))).toBe(0);
  });

  it('finds the longest of several contexts with a common prefix, and what is left when it goes', async () => {
    const short = await published({ chunkCount: 2, lastTokens: 10 });
    const long = await published({ chunkCount: 4, lastTokens: 256, prefix: short.chunks.slice(0, 1) });
    expect((await find(long.tokens)).tokenCount).toBe(1024);
    expect((await find(short.tokens)).tokenCount).toBe(266);
    await edge(`/v1/contexts/${long.id}`, { method: 'DELETE', scope: 'admin' });
    expect((await find(long.tokens)).tokenCount).toBe(256);
  });

  it('finds nothing of what is stored but not published, expired, or of another model or profile', async () => {
    const stored = await makeContext();
    for (const [i, object] of stored.objects.entries()) await put(`/v1/chunks/${stored.ids[i]}`, object);
    expect(await find(stored.chunks.flatMap((chunk) => chunk.tokens))).toEqual(NOTHING);
    const expired = await published({ expiresAt: new Date(Date.now() - 1000).toISOString() });
    expect(await find(expired.tokens)).toEqual(NOTHING);
    const context = await published();
    expect(await find(context.tokens, { model: 'other' })).toEqual(NOTHING);
    expect(await find(context.tokens, { profileId: unusedId() })).toEqual(NOTHING);
    expect(await find(context.tokens, { codec: 2 })).toEqual(NOTHING);
  });

  it("finds a tenant's own contexts for that tenant alone", async () => {
    const context = await published();
    await REGISTRY.batch([
      REGISTRY.prepare(`UPDATE contexts SET tenant = 'alice' WHERE id = ?1`).bind(context.id),
      REGISTRY.prepare(
        `UPDATE chunks SET tenant = 'alice' WHERE id IN (SELECT chunk_id FROM refs WHERE context_id = ?1)`,
      ).bind(context.id),
    ]);
    const request = { model: 'small', tokens: context.tokens };
    const as = (tenant: string) => lookup(REGISTRY, request, [{ tenant, tenantSalt: ZERO_ID }]);
    expect((await as('alice')).tokenCount).toBe(context.tokens.length);
    expect(await as('bob')).toEqual(NOTHING);
    expect(await as('')).toEqual(NOTHING);
  });

  it('looks up 131,072 tokens, and refuses more', async () => {
    const context = await published({ chunkCount: 1, lastTokens: 256 });
    const tokens = [...context.tokens, ...Array.from({ length: 131_072 - 256 }, (_, i) => i)];
    expect((await find(tokens)).tokenCount).toBe(256);
    await expectProblem(await ask([...tokens, 1]), 413, 'context-too-large');
  });

  it.each<[string, object]>([
    ['no tokens', { tokens: [] }],
    ['a negative token', { tokens: [-1] }],
    ['no model', { model: undefined }],
    ['an unknown field', { text: 'x' }],
  ])('refuses %s', async (_name, change) => {
    await expectProblem(await ask([1], change), 400, 'bad-request');
  });
});

describe('GET /v1/models', () => {
  it('names the models of which something can be read', async () => {
    await REGISTRY.batch(['contexts', 'models'].map((table) => REGISTRY.prepare(`DELETE FROM ${table}`)));
    const models = async () => {
      const response = await edge('/v1/models');
      expect(response.headers.get('cache-control')).toBe('public, max-age=60');
      return ((await response.json()) as ModelList).models;
    };
    expect(await models()).toEqual([]);
    const context = await published();
    await published();
    expect(await models()).toEqual([
      { name: 'small', fingerprint: FINGERPRINT, ...GEOMETRY, codec: 1, profileId: context.profileId },
    ]);
    await REGISTRY.prepare(`UPDATE contexts SET tenant = 'alice'`).run();
    expect(await models()).toEqual([]);
  });
});
