-- What the bucket holds, and why. The bytes in R2 are the truth; this says who refers to them and what is to go.
-- Times are milliseconds since 1970. A tenant of '' stands for public. Never change a migration that was released.

-- A context from the moment its publishing begins until its removal has ended.
CREATE TABLE contexts (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model TEXT NOT NULL,
  profile_id TEXT NOT NULL,
  codec INTEGER NOT NULL,
  token_count INTEGER NOT NULL,
  chunk_count INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  -- When this row was made.
  registered_at_ms INTEGER NOT NULL,
  -- 1 once its manifest is known to be in the bucket.
  published INTEGER NOT NULL DEFAULT 0,
  -- Set while it is being removed; the remover works under this time as its fence.
  removing_since_ms INTEGER,
  removal_reason TEXT CHECK (removal_reason IN ('deleted', 'purged', 'expired', 'abandoned'))
) STRICT, WITHOUT ROWID;
CREATE INDEX contexts_by_model ON contexts (model, profile_id);
CREATE INDEX contexts_by_expiry ON contexts (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
CREATE INDEX contexts_unpublished ON contexts (registered_at_ms) WHERE published = 0;
CREATE INDEX contexts_in_removal ON contexts (removing_since_ms) WHERE removing_since_ms IS NOT NULL;

-- Publishes under way. While one is, its context cannot be removed; a crashed one ends by its time.
CREATE TABLE publishing (
  lease TEXT PRIMARY KEY,
  context_id TEXT NOT NULL,
  until_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX publishing_by_context ON publishing (context_id);

-- Tenants that asked for a context to be published.
CREATE TABLE publishers (
  context_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  PRIMARY KEY (context_id, tenant)
) STRICT, WITHOUT ROWID;

-- By tenant, as in the bucket: who stores a chunk under another's id gets one of its own.
CREATE TABLE chunks (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  -- Size of the object and its levels as in a manifest (JSON); unknown until a context that has it is published.
  bytes INTEGER,
  levels TEXT,
  -- Kept without a reference until then: somebody stored it lately and will refer to it. Null once a context does.
  held_until_ms INTEGER,
  -- Set when it is about to leave the bucket; nobody may refer to it or store it until this row is gone.
  condemned_at_ms INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX chunks_held ON chunks (held_until_ms) WHERE held_until_ms IS NOT NULL;
CREATE INDEX chunks_condemned ON chunks (condemned_at_ms) WHERE condemned_at_ms IS NOT NULL;

-- A context's chunks have its tenant. Their ids were computed from its tokens, so no two tenants' contexts have one in common.
CREATE TABLE refs (
  context_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  chunk_id TEXT NOT NULL,
  PRIMARY KEY (context_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX refs_by_chunk ON refs (chunk_id, context_id);

-- Contexts that are gone: they answer 410 until they are published again.
CREATE TABLE tombstones (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  reason TEXT NOT NULL,
  gone_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_age ON tombstones (gone_at_ms);

-- Models that contexts were published for. A model is served while a published context of it is left.
CREATE TABLE models (
  name TEXT NOT NULL,
  model TEXT NOT NULL,
  codec INTEGER NOT NULL,
  profile_id TEXT NOT NULL,
  layers INTEGER NOT NULL,
  kv_heads INTEGER NOT NULL,
  key_head_dim INTEGER NOT NULL,
  value_head_dim INTEGER NOT NULL,
  PRIMARY KEY (name, model, codec, profile_id)
) STRICT, WITHOUT ROWID;

-- Where the comparison of bucket and registry goes on: one row per prefix of the bucket.
CREATE TABLE sweep_cursors (
  prefix TEXT PRIMARY KEY,
  cursor TEXT
) STRICT, WITHOUT ROWID;
