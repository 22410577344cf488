import { beforeAll, describe, expect, it } from 'vitest';
import { ContextList } from '../../../src/protocol/api.ts';
import { BUCKET, edge, expectProblem, publishContext, putManifest, putPayloads } from '../support/edge.ts';
import { LEVEL_NAMES, makeContext, unusedId } from '../support/objects.ts';

async function page(query = ''): Promise<ContextList> {
  const response = await edge(`/v1/contexts${query}`);
  expect(response.status).toBe(200);
  return ContextList.parse(await response.json());
}

async function everything(limit: number): Promise<ContextList['contexts']> {
  const all: ContextList['contexts'] = [];
  for (let query = `?limit=${limit}`; ; ) {
    const { contexts, cursor } = await page(query);
    all.push(...contexts);
    if (cursor === null) return all;
    query = `?limit=${limit}&cursor=${cursor}`;
  }
}

describe('GET /v1/contexts', () => {
  const published: Awaited<ReturnType<typeof makeContext>>[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 5; i++) {
      const context = await makeContext();
      context.manifest.model.name = `<script>"${i}" né`;
      await publishContext(context);
      published.push(context);
    }
  });

  it('lists what is published, with sizes by level', async () => {
    const { manifest, id } = published[0]!;
    const found = (await everything(500)).find((context) => context.id === id);
    expect(found).toEqual({
      id,
      model: manifest.model.name,
      tokenCount: manifest.tokenCount,
      chunkCount: 2,
      levels: LEVEL_NAMES.map((name, i) => ({
        name,
        bytes: manifest.chunks.reduce((sum, chunk) => sum + chunk.levels[i]!.bytes, 0),
      })),
      createdAt: manifest.createdAt,
      expiresAt: null,
    });
  });

  it.each([1, 2, 3])('finds each exactly once with pages of %d', async (limit) => {
    const ids = (await everything(limit)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(published.map(({ id }) => id)));
  });

  it('leaves out what is unfinished, has expired or is not public', async () => {
    const unfinished = await makeContext();
    await putPayloads(unfinished);
    const expired = await makeContext({ expiresAt: new Date(Date.now() - 1000).toISOString() });
    await putPayloads(expired);
    await putManifest(expired);
    const hidden = await makeContext();
    await publishContext(hidden);
    const key = `contexts/${hidden.id}/manifest`;
    const { customMetadata } = (await BUCKET.head(key))!;
    await BUCKET.put(key, 'x', {
      customMetadata: { summary: customMetadata!.summary!.replace('"public"', '"private"') },
    });
    const ids = (await everything(500)).map(({ id }) => id);
    for (const { id } of [unfinished, expired, hidden]) expect(ids).not.toContain(id);
    expect(ids).toContain(published[0]!.id);
    await BUCKET.delete(key);
  });

  it('refuses what it does not understand', async () => {
    for (const query of ['?limit=0', '?limit=501', '?limit=x', '?cursor=x', '?offset=1']) {
      await expectProblem(await edge(`/v1/contexts${query}`), 400, 'bad-request');
    }
    expect((await page(`?cursor=${'f'.repeat(64)}`)).contexts).toEqual([]);
    expect((await edge(`/v1/contexts?cursor=${unusedId()}`)).status).toBe(200);
  });
});
