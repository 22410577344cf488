import { expect } from 'vitest';
import { Manifest } from '../../../src/protocol/manifest.ts';
import { BUCKET, REGISTRY } from './edge.ts';

async function names(prefix: string): Promise<string[]> {
  const { objects, truncated } = await BUCKET.list({ prefix });
  expect(truncated).toBe(false);
  return objects.map((object) => object.key.slice(prefix.length));
}

async function visibleManifests(): Promise<Manifest[]> {
  const keys = (await names('contexts/')).filter((name) => name.endsWith('/manifest'));
  return Promise.all(
    keys.map(async (key) => Manifest.parse(await (await BUCKET.get(`contexts/${key}`))!.json())),
  );
}

/** What must hold at every moment: all that a manifest in the bucket names is there too. */
export async function expectNothingHalfPublished(): Promise<void> {
  const chunks = new Set(await names('chunks/'));
  const profiles = new Set(await names('profiles/'));
  const contexts = new Set(await names('contexts/'));
  for (const manifest of await visibleManifests()) {
    expect(contexts).toContain(`${manifest.id}/tokens`);
    expect(profiles).toContain(manifest.profileId);
    for (const chunk of manifest.chunks) expect(chunks).toContain(chunk.id);
  }
}

/** What must hold once everything is settled: bucket and registry say the same, and nothing is left over. */
export async function expectSettled(): Promise<void> {
  await expectNothingHalfPublished();
  const rows = async (sql: string) => (await REGISTRY.prepare(sql).all<Record<string, unknown>>()).results;
  const manifests = await visibleManifests();
  expect((await names('contexts/')).sort()).toEqual(
    manifests.flatMap(({ id }) => [`${id}/manifest`, `${id}/tokens`]).sort(),
  );
  expect(await rows('SELECT id, expires_at_ms FROM contexts WHERE published = 1 ORDER BY id')).toEqual(
    manifests
      .map(({ id, expiresAt }) => ({ id, expires_at_ms: expiresAt === null ? null : Date.parse(expiresAt) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
  expect(await rows('SELECT id FROM contexts WHERE published = 0 OR removing_since_ms IS NOT NULL')).toEqual(
    [],
  );
  expect(await rows('SELECT context_id || position || chunk_id AS ref FROM refs ORDER BY ref')).toEqual(
    manifests
      .flatMap(({ id, chunks }) => chunks.map((chunk, i) => ({ ref: id + i + chunk.id })))
      .sort((a, b) => (a.ref < b.ref ? -1 : 1)),
  );
  // A chunk that was asked for and never stored is remembered until its hold ends; there is nothing else without an object.
  const chunks = new Set(await names('chunks/'));
  const known = await rows(
    `SELECT id, held_until_ms AS held, condemned_at_ms AS condemned,
       EXISTS (SELECT 1 FROM refs WHERE chunk_id = chunks.id) AS referred FROM chunks`,
  );
  for (const id of chunks) expect(known).toContainEqual(expect.objectContaining({ id }));
  for (const row of known) {
    expect(row.condemned).toBeNull();
    expect(row.referred === 1 || row.held !== null).toBe(true);
    expect(chunks.has(String(row.id)) || row.referred === 0).toBe(true);
  }
  expect(await rows('SELECT lease FROM publishing')).toEqual([]);
}
