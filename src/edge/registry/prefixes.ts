import { z } from 'zod';
import { ManifestLevel } from '../../protocol/manifest.ts';
import type { LookupChunk, ServedModel } from '../../protocol/registry.ts';

/** What a chunk id depends on besides tokens and tenant. */
export interface CodedModel {
  modelFingerprint: string;
  codec: number;
  profileId: string;
}

/** Combinations tried when a request leaves profile or codec open. */
const MAX_CODED_MODELS = 8;

/** A published context that can be read now; `?1` is the time. */
const READABLE = 'c.published = 1 AND c.removing_since_ms IS NULL AND coalesce(c.expires_at_ms, ?1 + 1) > ?1';
const SERVED = `EXISTS (
  SELECT 1 FROM contexts AS c
  WHERE c.model = models.model AND c.profile_id = models.profile_id AND c.codec = models.codec
    AND c.tenant IN ('', ?2) AND ${READABLE})`;

/** The models, with codec and profile, of which public contexts or those of the tenant can be read. */
export async function servedModels(db: D1Database, tenant: string): Promise<ServedModel[]> {
  const { results } = await db
    .prepare(
      `SELECT name, model AS fingerprint, codec, profile_id AS profileId, layers, kv_heads AS kvHeads,
         key_head_dim AS keyHeadDim, value_head_dim AS valueHeadDim
       FROM models WHERE ${SERVED} ORDER BY name, fingerprint, codec, profileId`,
    )
    .bind(Date.now(), tenant)
    .all<ServedModel>();
  return results;
}

/** What a model's name or fingerprint stands for here. */
export async function codedModels(
  db: D1Database,
  model: string,
  narrowed: { profileId?: string | undefined; codec?: number | undefined },
  tenant: string,
): Promise<CodedModel[]> {
  const { results } = await db
    .prepare(
      `SELECT DISTINCT model AS modelFingerprint, codec, profile_id AS profileId FROM models
       WHERE (name = ?3 OR model = ?3) AND (?4 IS NULL OR profile_id = ?4) AND (?5 IS NULL OR codec = ?5) AND ${SERVED}
       LIMIT ${MAX_CODED_MODELS}`,
    )
    .bind(Date.now(), tenant, model, narrowed.profileId ?? null, narrowed.codec ?? null)
    .all<CodedModel>();
  return results;
}

/**
 * The longest prefix of a chain of chunk ids of which some readable context has every chunk. Ids of a chain depend on all
 * ids before them, so the context that has one chunk has those before it, at the same positions.
 */
export async function longestPrefix(
  db: D1Database,
  chain: readonly string[],
  tenant: string,
): Promise<LookupChunk[]> {
  const { results } = await db
    .prepare(
      `SELECT chunks.id, chunks.levels FROM json_each(?3) AS asked JOIN chunks ON chunks.id = asked.value
         AND chunks.tenant IN ('', ?2)
       WHERE chunks.levels IS NOT NULL AND EXISTS (
         SELECT 1 FROM refs JOIN contexts AS c ON c.id = refs.context_id
         WHERE refs.chunk_id = chunks.id AND c.tenant = chunks.tenant AND ${READABLE})
       ORDER BY asked.key`,
    )
    .bind(Date.now(), tenant, JSON.stringify(chain))
    .all<{ id: string; levels: string }>();
  const found = results.findIndex((row, i) => row.id !== chain[i]);
  const rows = found === -1 ? results : results.slice(0, found);
  return rows.map(({ id, levels }) => ({ id, levels: z.array(ManifestLevel).parse(JSON.parse(levels)) }));
}
