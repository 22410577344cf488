import type { RegisteredContext } from '../../protocol/registry.ts';

/** Which contexts are meant; a condition left out holds for all. */
export interface Selection {
  /** Name or fingerprint. */
  model?: string | undefined;
  profileId?: string | undefined;
  /** '' for public ones. */
  tenant?: string | undefined;
  createdUntilMs?: number | undefined;
  ids?: readonly string[] | undefined;
}

/** Condition on the contexts named `c` in a query, with the first five parameters of `bindings`. */
const SELECTED = `(?1 IS NULL OR c.model_name = ?1 OR c.model = ?1) AND (?2 IS NULL OR c.profile_id = ?2)
  AND (?3 IS NULL OR c.tenant = ?3) AND (?4 IS NULL OR c.created_at_ms <= ?4)
  AND (?5 IS NULL OR c.id IN (SELECT value FROM json_each(?5)))`;

/** Ids travel as one JSON parameter: D1 takes at most 100 parameters a query. */
function bindings({ model, profileId, tenant, createdUntilMs, ids }: Selection) {
  return [
    model ?? null,
    profileId ?? null,
    tenant ?? null,
    createdUntilMs ?? null,
    ids === undefined ? null : JSON.stringify(ids),
  ];
}

export interface ContextPage {
  contexts: RegisteredContext[];
  /** Id to go on after; null at the end. */
  cursor: string | null;
}

/** At most `limit` contexts in the order of their ids, after the id `cursor`, with at most `maxChunks` chunks but for the first. */
export async function selectContexts(
  db: D1Database,
  selection: Selection,
  cursor: string | undefined,
  limit: number,
  maxChunks = Number.POSITIVE_INFINITY,
): Promise<ContextPage> {
  const { results } = await db
    .prepare(
      `SELECT id, tenant, model_name, model, profile_id, token_count, chunk_count, published, created_at_ms, expires_at_ms
       FROM contexts AS c WHERE ${SELECTED} AND c.id > ?6 ORDER BY c.id LIMIT ?7`,
    )
    .bind(...bindings(selection), cursor ?? '', limit + 1)
    .all<ContextRow>();
  let chunks = 0;
  const rows = results.slice(0, limit).filter((row, i) => {
    chunks += row.chunk_count;
    return i === 0 || chunks <= maxChunks;
  });
  return {
    contexts: rows.map(registeredOf),
    cursor: rows.length < results.length ? rows.at(-1)!.id : null,
  };
}

/**
 * The chunks that go with a page of contexts when all pages before it have gone: nothing refers to them but selected contexts
 * up to the last of the page.
 */
export async function chunksOnlyOf(
  db: D1Database,
  selection: Selection,
  page: readonly RegisteredContext[],
): Promise<{ id: string; bytes: number }[]> {
  const last = page.at(-1);
  if (last === undefined) return [];
  const { results } = await db
    .prepare(
      `SELECT id, coalesce(bytes, 0) AS bytes FROM chunks
       WHERE (tenant, id) IN (
           SELECT c.tenant, chunk_id FROM refs JOIN contexts AS c ON c.id = context_id
           WHERE c.id IN (SELECT value FROM json_each(?7)))
         AND condemned_at_ms IS NULL AND coalesce(held_until_ms, 0) <= ?8
         AND NOT EXISTS (
           SELECT 1 FROM refs JOIN contexts AS c ON c.id = refs.context_id
           WHERE refs.chunk_id = chunks.id AND NOT (${SELECTED} AND c.id <= ?6))
       ORDER BY id`,
    )
    .bind(...bindings(selection), last.id, JSON.stringify(page.map((context) => context.id)), Date.now())
    .all<{ id: string; bytes: number }>();
  return results;
}

/** True if the context was there for this tenant, or for all, and is not any more: it is gone (410), not unknown (404). */
export async function isGone(db: D1Database, id: string, tenant: string): Promise<boolean> {
  const found = await db
    .prepare(
      `SELECT 1 FROM tombstones WHERE id = ?1 AND tenant IN ('', ?2)
       UNION ALL
       SELECT 1 FROM contexts WHERE id = ?1 AND tenant IN ('', ?2) AND removing_since_ms IS NOT NULL
         AND removal_reason <> 'abandoned'`,
    )
    .bind(id, tenant)
    .first();
  return found !== null;
}

/** True if the context is this tenant's own: private to it, or published at its request and at nobody else's. */
export async function isOwnContext(db: D1Database, id: string, tenant: string): Promise<boolean> {
  const found = await db
    .prepare(
      `SELECT 1 FROM contexts WHERE id = ?1 AND tenant = ?2
       UNION ALL
       SELECT 1 FROM publishers AS p WHERE context_id = ?1 AND tenant = ?2
         AND NOT EXISTS (SELECT 1 FROM publishers WHERE context_id = ?1 AND tenant <> ?2)`,
    )
    .bind(id, tenant)
    .first();
  return found !== null;
}

/** True if the context is registered, be it published or not. */
export async function isRegistered(db: D1Database, id: string): Promise<boolean> {
  return (await db.prepare('SELECT 1 FROM contexts WHERE id = ?1').bind(id).first()) !== null;
}

interface ContextRow {
  id: string;
  tenant: string;
  model_name: string;
  model: string;
  profile_id: string;
  token_count: number;
  chunk_count: number;
  published: number;
  created_at_ms: number;
  expires_at_ms: number | null;
}

function registeredOf(row: ContextRow): RegisteredContext {
  return {
    id: row.id,
    tenant: row.tenant,
    model: { name: row.model_name, fingerprint: row.model },
    profileId: row.profile_id,
    tokenCount: row.token_count,
    chunkCount: row.chunk_count,
    published: row.published === 1,
    createdAt: new Date(row.created_at_ms).toISOString(),
    expiresAt: row.expires_at_ms === null ? null : new Date(row.expires_at_ms).toISOString(),
  };
}
