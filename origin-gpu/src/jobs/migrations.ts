/** Applied in order; `PRAGMA user_version` counts those applied. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     model TEXT NOT NULL,
     model_fingerprint TEXT NOT NULL,
     profile_id TEXT NOT NULL,
     tokens BLOB NOT NULL,
     chunk_ids TEXT NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'published', 'failed')),
     chunks_done INTEGER NOT NULL DEFAULT 0,
     ttl_seconds INTEGER,
     created_at TEXT NOT NULL,
     place INTEGER NOT NULL,
     error_code TEXT,
     error_detail TEXT
   ) STRICT;
   CREATE INDEX jobs_by_state ON jobs (state, place);
   CREATE TABLE events (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     job_id TEXT NOT NULL REFERENCES jobs (id),
     data TEXT NOT NULL
   ) STRICT;
   CREATE INDEX events_by_job ON events (job_id, seq);
   CREATE TABLE stored_chunks (
     edge TEXT NOT NULL,
     id TEXT NOT NULL,
     levels TEXT NOT NULL,
     PRIMARY KEY (edge, id)
   ) STRICT, WITHOUT ROWID;`,
  // Chunks stored before were not signed; they are sent once more.
  `ALTER TABLE jobs ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
   ALTER TABLE jobs ADD COLUMN tenant_salt TEXT;
   CREATE INDEX jobs_by_tenant ON jobs (tenant, id);
   DELETE FROM stored_chunks`,
];
