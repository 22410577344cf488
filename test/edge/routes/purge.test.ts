import { describe, expect, it } from 'vitest';
import type { PurgeResult } from '../../../src/protocol/registry.ts';
import { edge, expectProblem, publishContext, REGISTRY, sendJson } from '../support/edge.ts';
import { FINGERPRINT, makeContext, unusedId } from '../support/objects.ts';

const call = (body: object) => sendJson('POST', '/v1/purge', body, { scope: 'admin' });
const purge = async (body: object) => {
  const response = await call(body);
  expect(response.status).toBe(200);
  return (await response.json()) as PurgeResult;
};

/** All pages of a purge as one. */
async function purgeAll(body: object) {
  const all = { contexts: [] as string[], chunks: [] as { id: string; bytes: number }[], pages: 0 };
  let cursor: string | null = null;
  do {
    const page: PurgeResult = await purge({ ...body, ...(cursor !== null && { cursor }) });
    all.contexts.push(...page.contexts.map((one) => one.id));
    all.chunks.push(...page.chunks);
    all.pages += 1;
    cursor = page.cursor;
  } while (cursor !== null);
  return all;
}

/** Contexts that all begin with the same chunk. */
async function family(count: number) {
  const first = await makeContext({ chunkCount: 2 });
  const members = [first];
  for (let i = 1; i < count; i++) {
    members.push(await makeContext({ chunkCount: 2, prefix: first.chunks.slice(0, 1) }));
  }
  for (const member of members) await publishContext(member);
  return members;
}

const setAll = (members: { id: string }[], assignment: string) =>
  REGISTRY.prepare(`UPDATE contexts SET ${assignment} WHERE id IN (SELECT value FROM json_each(?1))`)
    .bind(JSON.stringify(members.map((one) => one.id)))
    .run();

describe('POST /v1/purge', () => {
  it('lists in a dry run exactly what a purge then removes, over all pages', async () => {
    const members = await family(23);
    const ids = members.map((one) => one.id);
    const dry = await purgeAll({ ids, dryRun: true });
    for (const { id } of members) expect((await edge(`/v1/contexts/${id}`)).status).toBe(200);
    const real = await purgeAll({ ids });
    expect(real).toEqual(dry);
    expect(real.pages).toBe(2);
    expect(real.contexts).toEqual([...ids].sort());
    const chunks = new Set(members.flatMap((one) => one.ids));
    expect(new Set(real.chunks.map((one) => one.id))).toEqual(chunks);
    expect(real.chunks).toHaveLength(chunks.size);
    const sizes = new Map(members.flatMap((one) => one.ids.map((id, i) => [id, one.objects[i]!.length])));
    for (const { id, bytes } of real.chunks) expect(bytes).toBe(sizes.get(id));
    for (const { id } of members) await expectProblem(await edge(`/v1/contexts/${id}`), 410, 'context-gone');
  }, 60_000);

  it('leaves a shared chunk while a context that does not go refers to it', async () => {
    const [kept, ...gone] = await family(3);
    const request = { ids: gone.map((one) => one.id) };
    const dry = await purge({ ...request, dryRun: true });
    expect(dry.chunks.map((one) => one.id).sort()).toEqual(gone.map((one) => one.ids[1]!).sort());
    expect((await purge(request)).chunks).toEqual(dry.chunks);
    for (const id of kept!.ids) expect((await edge(`/v1/chunks/${id}`)).status).toBe(200);
  });

  it('selects by model, profile, tenant and age, all of which must hold', async () => {
    const members = await family(2);
    const [old, young] = members.map((one) => one.id) as [string, string];
    await setAll(members, `model_name = 'selected'`);
    await setAll(members.slice(0, 1), `created_at_ms = created_at_ms - 3600000, tenant = 'alice'`);
    const selected = async (body: object) =>
      (await purgeAll({ ...body, dryRun: true })).contexts.filter((id) => id === old || id === young).sort();
    const both = [old, young].sort();
    expect(await selected({ model: 'selected' })).toEqual(both);
    expect(await selected({ model: FINGERPRINT })).toEqual(both);
    expect(await selected({ model: 'other' })).toEqual([]);
    expect(await selected({ profileId: members[0]!.profileId })).toEqual(both);
    expect(await selected({ profileId: unusedId() })).toEqual([]);
    expect(await selected({ tenant: 'alice' })).toEqual([old]);
    expect(await selected({ tenant: '' })).toEqual([young]);
    expect(await selected({ olderThanSeconds: 1800 })).toEqual([old]);
    expect(await selected({ model: 'selected', tenant: '', olderThanSeconds: 1800 })).toEqual([]);
    await setAll(members, `tenant = ''`);
  });

  it('takes as many ids as it allows, and passes over those it does not know', async () => {
    const [context] = await family(1);
    const ids = [context!.id, ...Array.from({ length: 499 }, unusedId)];
    expect((await purgeAll({ ids })).contexts).toEqual([context!.id]);
    await expectProblem(await call({ ids: [...ids, unusedId()] }), 400, 'bad-request');
  });

  it('names what is busy and goes on', async () => {
    const members = await family(2);
    await REGISTRY.prepare(`INSERT INTO publishing VALUES ('busy', ?1, ?2)`)
      .bind(members[0]!.id, Date.now() + 60_000)
      .run();
    const result = await purge({ ids: members.map((one) => one.id) });
    expect(result.busy).toEqual([members[0]!.id]);
    expect(result.contexts.map((one) => one.id)).toEqual([members[1]!.id]);
    await REGISTRY.prepare('DELETE FROM publishing').run();
  });

  it('wants a condition, and the scope "admin"', async () => {
    await expectProblem(await call({}), 400, 'bad-request');
    await expectProblem(await call({ dryRun: true }), 400, 'bad-request');
    await expectProblem(await call({ everything: true }), 400, 'bad-request');
    await expectProblem(
      await sendJson('POST', '/v1/purge', { model: 'x' }, { scope: 'publish' }),
      403,
      'forbidden',
    );
  });
});
