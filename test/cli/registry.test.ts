import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unstable_splitSqlQuery as split } from 'wrangler';
import { migrate } from '../../src/cli/local/registry.ts';

let miniflare: Miniflare;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kvedge-migrations-'));
  await cp('src/edge/registry/migrations', folder, { recursive: true });
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default {}',
      compatibilityDate: '2026-10-01',
      d1Databases: ['REGISTRY'],
    }),
  );
});

afterAll(async () => {
  await miniflare.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe('migrate', () => {
  it('applies each file once, in the order of their numbers, or not at all', async () => {
    const db = await miniflare.getD1Database('REGISTRY');
    const names = async () =>
      (await db.prepare('SELECT name FROM d1_migrations ORDER BY id').all()).results.map((row) => row.name);
    await migrate(db, folder, split);
    await db.prepare(`INSERT INTO tombstones VALUES ('id', '', 'deleted', 1)`).run();
    await migrate(db, folder, split);
    expect(await names()).toEqual(['0001_registry.sql']);
    expect((await db.prepare('SELECT count(*) AS count FROM tombstones').first())?.count).toBe(1);

    await writeFile(
      path.join(folder, '0002_more.sql'),
      'CREATE TABLE more (a TEXT); CREATE TABLE more (a TEXT);',
    );
    await expect(migrate(db, folder, split)).rejects.toThrow('more');
    expect(await names()).toEqual(['0001_registry.sql']);
    await writeFile(path.join(folder, '0002_more.sql'), 'CREATE TABLE more (a TEXT); -- one; comment\n');
    await migrate(db, folder, split);
    expect(await names()).toEqual(['0001_registry.sql', '0002_more.sql']);
  });
});
