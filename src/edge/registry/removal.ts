import { PUBLISH_LEASE_MS, REMOVAL_LEASE_MS } from './leases.ts';

export type RemovalReason = 'deleted' | 'purged' | 'expired' | 'abandoned';

/** The removal of one context, held by whoever knows its time. */
export interface Removal {
  contextId: string;
  tenant: string;
  reason: RemovalReason;
  sinceMs: number;
}

interface CondemnedChunk {
  id: string;
  tenant: string;
  /** 0 if it was never part of a published context. */
  bytes: number;
}

/** Chunks on their way out of the bucket, held by whoever knows their time. */
export interface Condemned {
  chunks: CondemnedChunk[];
  sinceMs: number;
}

/**
 * Begins the removal of a context, or takes over one that has come to nothing; the first reason stays. Null if there is no such
 * context, or somebody publishes or removes it at this moment.
 */
export async function beginRemoval(
  db: D1Database,
  contextId: string,
  reason: RemovalReason,
): Promise<Removal | null> {
  const now = Date.now();
  const row = await db
    .prepare(
      `UPDATE contexts SET removing_since_ms = ?2, removal_reason = coalesce(removal_reason, ?3)
       WHERE id = ?1 AND (removing_since_ms IS NULL OR removing_since_ms <= ?4)
         AND NOT EXISTS (SELECT 1 FROM publishing WHERE context_id = ?1 AND until_ms > ?2)
       RETURNING tenant, removal_reason AS reason`,
    )
    .bind(contextId, now, reason, now - REMOVAL_LEASE_MS)
    .first<{ tenant: string; reason: RemovalReason }>();
  return row === null ? null : { contextId, ...row, sinceMs: now };
}

/** Gives up a removal before anything was removed, and corrects when the context expires. */
export async function cancelRemoval(
  db: D1Database,
  { contextId, sinceMs }: Removal,
  expiresAtMs: number | null,
): Promise<void> {
  await db
    .prepare(
      `UPDATE contexts SET removing_since_ms = NULL, removal_reason = NULL, expires_at_ms = ?3
       WHERE id = ?1 AND removing_since_ms = ?2`,
    )
    .bind(contextId, sinceMs, expiresAtMs)
    .run();
}

/**
 * Ends the removal of a context whose manifest has left the bucket: in one transaction its references go, its tombstone comes,
 * and the chunks that nothing refers to any more are condemned. Empty if another has taken the removal over.
 */
export async function endRemoval(db: D1Database, removal: Removal): Promise<Condemned> {
  const { contextId, tenant, reason, sinceMs } = removal;
  const now = Date.now();
  const held = 'EXISTS (SELECT 1 FROM contexts WHERE id = ?1 AND removing_since_ms = ?2)';
  const guarded = (sql: string) => db.prepare(`${sql} AND ${held}`).bind(contextId, sinceMs);
  const [condemned] = await db.batch<CondemnedChunk>([
    db
      .prepare(
        `UPDATE chunks SET condemned_at_ms = ?3
         WHERE tenant = ?4 AND id IN (SELECT chunk_id FROM refs WHERE context_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM refs WHERE chunk_id = chunks.id AND context_id <> ?1)
           AND condemned_at_ms IS NULL AND coalesce(held_until_ms, 0) <= ?3 AND ${held}
         RETURNING id, tenant, coalesce(bytes, 0) AS bytes`,
      )
      .bind(contextId, sinceMs, now, tenant),
    ...(reason === 'abandoned'
      ? []
      : [
          db
            .prepare(
              `INSERT INTO tombstones (id, tenant, reason, gone_at_ms) SELECT ?1, ?3, ?4, ?5 WHERE ${held}
               ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, gone_at_ms = excluded.gone_at_ms`,
            )
            .bind(contextId, sinceMs, tenant, reason, now),
        ]),
    guarded('DELETE FROM refs WHERE context_id = ?1'),
    guarded('DELETE FROM publishing WHERE context_id = ?1'),
    guarded('DELETE FROM publishers WHERE context_id = ?1'),
    db.prepare('DELETE FROM contexts WHERE id = ?1 AND removing_since_ms = ?2').bind(contextId, sinceMs),
  ]);
  return { chunks: condemned!.results, sinceMs: now };
}

/** Forgets condemned chunks that have left the bucket: from here on they can be stored anew. */
export async function forgetChunks(db: D1Database, { chunks, sinceMs }: Condemned): Promise<void> {
  await db
    .prepare(
      `DELETE FROM chunks WHERE condemned_at_ms = ?2
         AND (tenant, id) IN (SELECT value ->> 'tenant', value ->> 'id' FROM json_each(?1))`,
    )
    .bind(JSON.stringify(chunks), sinceMs)
    .run();
}

/** Condemns chunks that were stored, and that nothing refers to though their hold has ended. */
export function condemnOrphans(db: D1Database, limit: number): Promise<Condemned> {
  return condemn(
    db,
    `held_until_ms <= ?1 AND condemned_at_ms IS NULL
       AND NOT EXISTS (SELECT 1 FROM refs WHERE chunk_id = chunks.id)`,
    Date.now(),
    limit,
  );
}

/** Takes over condemned chunks whose remover has come to nothing. */
export function retakeCondemned(db: D1Database, limit: number): Promise<Condemned> {
  return condemn(db, 'condemned_at_ms <= ?1', Date.now() - REMOVAL_LEASE_MS, limit);
}

async function condemn(db: D1Database, where: string, untilMs: number, limit: number): Promise<Condemned> {
  const now = Date.now();
  const { results } = await db
    .prepare(
      `UPDATE chunks SET condemned_at_ms = ?2
       WHERE (tenant, id) IN (SELECT tenant, id FROM chunks WHERE ${where} LIMIT ?3) RETURNING id, tenant, coalesce(bytes, 0) AS bytes`,
    )
    .bind(untilMs, now, limit)
    .all<CondemnedChunk>();
  return { chunks: results, sinceMs: now };
}

/** Contexts whose removal, or whose publishing, has come to nothing, and those that have expired; each at most `limit`. */
export async function unsettled(db: D1Database, limit: number) {
  const now = Date.now();
  const ids = (sql: string, untilMs: number) => db.prepare(`${sql} LIMIT ?2`).bind(untilMs, limit);
  const [removals, publishes, expired] = await db.batch<{ id: string }>([
    ids('SELECT id FROM contexts WHERE removing_since_ms <= ?1', now - REMOVAL_LEASE_MS),
    ids(
      `SELECT id FROM contexts WHERE published = 0 AND registered_at_ms <= ?1 AND removing_since_ms IS NULL
         AND NOT EXISTS (SELECT 1 FROM publishing WHERE context_id = contexts.id AND until_ms > ?1 + ${PUBLISH_LEASE_MS})`,
      now - PUBLISH_LEASE_MS,
    ),
    ids(
      'SELECT id FROM contexts WHERE expires_at_ms <= ?1 AND published = 1 AND removing_since_ms IS NULL',
      now,
    ),
  ]);
  const of = (result: D1Result<{ id: string }>) => result.results.map((row) => row.id);
  return { removals: of(removals!), publishes: of(publishes!), expired: of(expired!) };
}
