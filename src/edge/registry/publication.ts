import type { Manifest } from '../../protocol/manifest.ts';
import { HOLD_MS, PUBLISH_LEASE_MS } from './leases.ts';

/** A publish under way: its context cannot be removed, and none of its chunks condemned. */
export interface Publication {
  lease: string;
  contextId: string;
  tenant: string;
  startedAtMs: number;
}

/** Stands for whoever had a context published that no known request asked for; no tenant has this name. */
const NOBODY = '*';

const HAS_LEASE = 'EXISTS (SELECT 1 FROM publishing WHERE lease = ?1)';

/**
 * Enters a context and its references before its payloads are checked: from here on no sweep takes a chunk away. All or
 * nothing, in one transaction; null if the context or one of its chunks is just being removed.
 */
export async function reserve(
  db: D1Database,
  manifest: Manifest,
  tenant: string,
): Promise<Publication | null> {
  const now = Date.now();
  const lease = crypto.randomUUID();
  const { id, model } = manifest;
  const chunkIds = JSON.stringify(manifest.chunks.map((chunk) => chunk.id));
  const [leased] = await db.batch([
    db
      .prepare(
        `INSERT INTO publishing (lease, context_id, until_ms)
         SELECT ?1, ?2, ?3
         WHERE NOT EXISTS (SELECT 1 FROM contexts WHERE id = ?2 AND removing_since_ms IS NOT NULL)
           AND NOT EXISTS (
             SELECT 1 FROM chunks
             WHERE tenant = ?5 AND id IN (SELECT value FROM json_each(?4)) AND condemned_at_ms IS NOT NULL)`,
      )
      .bind(lease, id, now + PUBLISH_LEASE_MS, chunkIds, tenant),
    db
      .prepare(
        `INSERT INTO contexts (id, tenant, model_name, model, profile_id, codec, token_count, chunk_count,
           created_at_ms, expires_at_ms, registered_at_ms)
         SELECT ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE ${HAS_LEASE}
         ON CONFLICT (id) DO NOTHING`,
      )
      .bind(
        lease,
        id,
        tenant,
        model.name,
        model.fingerprint,
        manifest.profileId,
        manifest.codec,
        manifest.tokenCount,
        manifest.chunks.length,
        Date.parse(manifest.createdAt),
        expiryColumn(manifest),
        now,
      ),
    db
      .prepare(
        `INSERT INTO chunks (id, tenant, held_until_ms)
         SELECT value, ?2, ?3 FROM json_each(?4) WHERE ${HAS_LEASE}
         ON CONFLICT DO NOTHING`,
      )
      .bind(lease, tenant, now + HOLD_MS, chunkIds),
    db
      .prepare(
        `INSERT INTO refs (context_id, position, chunk_id)
         SELECT ?2, key, value FROM json_each(?3) WHERE ${HAS_LEASE}
         ON CONFLICT (context_id, position) DO NOTHING`,
      )
      .bind(lease, id, chunkIds),
  ]);
  return leased!.meta.changes === 1 ? { lease, contextId: id, tenant, startedAtMs: now } : null;
}

/**
 * The manifest is in the bucket: the context counts as published, with the data of that manifest. False, and nothing is done, if
 * the publication took so long that its hold is gone.
 */
export async function complete(
  db: D1Database,
  { lease, tenant }: Publication,
  manifest: Manifest,
): Promise<boolean> {
  const { id, model } = manifest;
  const chunks = manifest.chunks.map(({ id, levels }) => ({ id, bytes: levels.at(-1)!.bytes, levels }));
  const results = await db.batch([
    db
      .prepare(
        `UPDATE contexts SET published = 1, created_at_ms = ?3, expires_at_ms = ?4 WHERE id = ?2 AND ${HAS_LEASE}`,
      )
      .bind(lease, id, Date.parse(manifest.createdAt), expiryColumn(manifest)),
    db
      .prepare(
        `UPDATE chunks SET held_until_ms = NULL, bytes = sent.value ->> 'bytes', levels = sent.value -> 'levels'
         FROM json_each(?2) AS sent WHERE tenant = ?3 AND chunks.id = sent.value ->> 'id' AND ${HAS_LEASE}`,
      )
      .bind(lease, JSON.stringify(chunks), tenant),
    db
      .prepare(
        `INSERT INTO models (name, model, codec, profile_id, layers, kv_heads, key_head_dim, value_head_dim)
         SELECT ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ${HAS_LEASE} ON CONFLICT DO NOTHING`,
      )
      .bind(
        lease,
        model.name,
        model.fingerprint,
        manifest.codec,
        manifest.profileId,
        model.layers,
        model.kvHeads,
        model.keyHeadDim,
        model.valueHeadDim,
      ),
    // Published without a request that is known: nobody's own, whoever asks for it later.
    db
      .prepare(
        `INSERT INTO publishers SELECT ?2, '${NOBODY}' WHERE ${HAS_LEASE}
         AND NOT EXISTS (SELECT 1 FROM publishers WHERE context_id = ?2)`,
      )
      .bind(lease, id),
    db.prepare(`DELETE FROM tombstones WHERE id = ?2 AND ${HAS_LEASE}`).bind(lease, id),
    db.prepare('DELETE FROM publishing WHERE lease = ?1').bind(lease),
  ]);
  return results.at(-1)!.meta.changes === 1;
}

/**
 * Takes back what `reserve` entered, after a refusal and before anything was written to the bucket. A context that is
 * published, or that another is publishing, keeps its references.
 */
export async function release(db: D1Database, { lease, contextId, tenant }: Publication): Promise<void> {
  const unused = `EXISTS (SELECT 1 FROM contexts WHERE id = ?1 AND published = 0 AND removing_since_ms IS NULL)
    AND NOT EXISTS (SELECT 1 FROM publishing WHERE context_id = ?1)`;
  await db.batch([
    db.prepare('DELETE FROM publishing WHERE lease = ?1').bind(lease),
    db
      .prepare(
        `UPDATE chunks SET held_until_ms = ?2
         WHERE held_until_ms IS NULL AND tenant = ?3 AND id IN (SELECT chunk_id FROM refs WHERE context_id = ?1)
           AND NOT EXISTS (SELECT 1 FROM refs WHERE chunk_id = chunks.id AND context_id <> ?1) AND ${unused}`,
      )
      .bind(contextId, Date.now() + HOLD_MS, tenant),
    db.prepare(`DELETE FROM refs WHERE context_id = ?1 AND ${unused}`).bind(contextId),
    db.prepare(`DELETE FROM contexts WHERE id = ?1 AND ${unused}`).bind(contextId),
  ]);
}

/**
 * Protects a chunk that is about to be stored until a context refers to it, at most for `HOLD_MS`. Called before the bucket is
 * looked at. False if the chunk is just being removed.
 */
export async function holdChunk(db: D1Database, id: string, tenant: string): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO chunks (id, tenant, held_until_ms) VALUES (?1, ?2, ?3)
       ON CONFLICT (tenant, id) DO UPDATE SET held_until_ms = excluded.held_until_ms WHERE condemned_at_ms IS NULL`,
    )
    .bind(id, tenant, Date.now() + HOLD_MS)
    .run();
  return meta.changes > 0;
}

/** Notes that a tenant asked for a context, and lifts its tombstone: it answers 410 no longer. */
export async function noteRequest(db: D1Database, contextId: string, tenant: string): Promise<void> {
  await db.batch([
    db.prepare('INSERT INTO publishers VALUES (?1, ?2) ON CONFLICT DO NOTHING').bind(contextId, tenant),
    db.prepare('DELETE FROM tombstones WHERE id = ?1').bind(contextId),
  ]);
}

/** As a column: null for never. */
function expiryColumn(manifest: Manifest): number | null {
  return manifest.expiresAt === null ? null : Date.parse(manifest.expiresAt);
}
