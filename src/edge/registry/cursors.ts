import { HOLD_MS } from './leases.ts';

/** Where the comparison of a part of the bucket goes on; undefined at its start. */
export async function readCursor(db: D1Database, prefix: string): Promise<string | undefined> {
  const row = await db
    .prepare('SELECT cursor FROM sweep_cursors WHERE prefix = ?1')
    .bind(prefix)
    .first<{ cursor: string | null }>();
  return row?.cursor ?? undefined;
}

export async function writeCursor(db: D1Database, prefix: string, cursor: string | undefined): Promise<void> {
  await db
    .prepare('INSERT INTO sweep_cursors VALUES (?1, ?2) ON CONFLICT DO UPDATE SET cursor = excluded.cursor')
    .bind(prefix, cursor ?? null)
    .run();
}

/** Those of the ids that the registry has no context of. */
export async function unknownContexts(db: D1Database, ids: readonly string[]): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT value AS id FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM contexts WHERE id = value) ORDER BY id`,
    )
    .bind(JSON.stringify(ids))
    .all<{ id: string }>();
  return results.map((row) => row.id);
}

/** Enters chunks that the bucket has; those that were not known get a hold. Gives their number. */
export async function adoptChunks(db: D1Database, ids: readonly string[], tenant: string): Promise<number> {
  const { meta } = await db
    .prepare(
      `INSERT INTO chunks (id, tenant, held_until_ms) SELECT value, ?2, ?3 FROM json_each(?1) WHERE true
       ON CONFLICT DO NOTHING`,
    )
    .bind(JSON.stringify(ids), tenant, Date.now() + HOLD_MS)
    .run();
  return meta.changes;
}
