import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { D1Database } from '@cloudflare/workers-types';

/** Where wrangler too keeps what it has applied (`wrangler d1 migrations apply`). */
const APPLIED_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/**
 * Applies the numbered `.sql` files of a folder that were not applied yet, each in one transaction. `split` cuts a file into
 * statements.
 */
export async function migrate(
  db: D1Database,
  folder: string,
  split: (sql: string) => string[],
): Promise<void> {
  await db.prepare(APPLIED_TABLE).run();
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  for (const name of files) {
    if (applied.has(name)) continue;
    const statements = split(await readFile(path.join(folder, name), 'utf8'));
    await db.batch([
      ...statements.map((sql) => db.prepare(sql)),
      db.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name),
    ]);
  }
}
