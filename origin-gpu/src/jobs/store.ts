import { EventEmitter } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { z } from 'zod';
import { JobEvent, JobState, type JobStatus } from '../../../src/protocol/api.ts';
import { Id, ManifestLevel } from '../../../src/protocol/manifest.ts';
import { PUBLIC } from '../../../src/protocol/tenant.ts';
import { MIGRATIONS } from './migrations.ts';

export type ChunkLevels = z.infer<typeof ManifestLevel>[];

/** A context to compute, with everything needed to go on after a restart. */
export interface Job {
  id: string;
  model: string;
  modelFingerprint: string;
  profileId: string;
  /** Whose it is; `PUBLIC` for everybody's. */
  tenant: string;
  /** Salt of its ids; null for a public context. */
  tenantSalt: string | null;
  tokens: Uint32Array;
  chunkIds: string[];
  state: z.infer<typeof JobState>;
  chunksDone: number;
  ttlSeconds: number | null;
  createdAt: string;
  error: { code: string; detail: string } | null;
}

export type NewJob = Omit<Job, 'state' | 'chunksDone' | 'createdAt' | 'error'>;

export interface StoredEvent {
  seq: number;
  event: JobEvent;
}

const LOCK_WAIT_MS = 2000;

const row = z.object({
  id: Id,
  model: z.string(),
  model_fingerprint: Id,
  profile_id: Id,
  tenant: z.string(),
  tenant_salt: Id.nullable(),
  tokens: z.instanceof(Uint8Array),
  chunk_ids: z.string().transform((text) => z.array(Id).parse(JSON.parse(text))),
  state: JobState,
  chunks_done: z.int(),
  ttl_seconds: z.int().nullable(),
  created_at: z.string(),
  error_code: z.string().nullable(),
  error_detail: z.string().nullable(),
});

/** Jobs, their events and what the edge is known to store, in one SQLite file that survives a kill at any point. */
export class JobStore {
  readonly #db: DatabaseSync;
  readonly #changes = new EventEmitter().setMaxListeners(0);

  /**
   * Opens `jobs.sqlite` in `folder`, which only this user can enter (it holds tokens of contexts).
   * One process at a time: throws when another holds it.
   */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    this.#db = new DatabaseSync(path.join(folder, 'jobs.sqlite'), { timeout: LOCK_WAIT_MS });
    try {
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;');
      this.#migrate();
    } catch (cause) {
      this.#db.close();
      throw new Error(`The origin's state in ${folder} cannot be opened; is another origin running there?`, {
        cause,
      });
    }
  }

  #migrate(): void {
    const version = Number(this.#db.prepare('PRAGMA user_version').get()?.user_version ?? 0);
    if (version > MIGRATIONS.length) throw new Error(`it was written by a newer kvedge (schema ${version})`);
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index >= version)
        this.#atomically(() => this.#db.exec(`${sql}; PRAGMA user_version = ${index + 1}`));
    }
    this.#db.exec('BEGIN IMMEDIATE; COMMIT'); // takes the exclusive lock now, not at the first job
  }

  #atomically<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  find(id: string): Job | null {
    const found = this.#db.prepare('SELECT * FROM jobs WHERE id = ?').get(id);
    return found === undefined ? null : jobOf(found);
  }

  /**
   * A job that this tenant may know of: its own or a public one. Found by tenant first, so that another tenant's job costs the same
   * steps as none.
   */
  findFor(tenant: string, id: string): Job | null {
    const found = this.#db
      .prepare('SELECT * FROM jobs INDEXED BY jobs_by_tenant WHERE tenant IN (?, ?) AND id = ?')
      .get(PUBLIC, tenant, id);
    return found === undefined ? null : jobOf(found);
  }

  /** The job to work on now: what a killed process left running, then the oldest queued. */
  next(): Job | null {
    const found = this.#db
      .prepare(
        `SELECT * FROM jobs WHERE state IN ('running', 'queued') ORDER BY state = 'queued', place LIMIT 1`,
      )
      .get();
    return found === undefined ? null : jobOf(found);
  }

  /** Creates a job, or queues one of the same id again; its earlier events and error are gone then. */
  enqueue(job: NewJob): Job {
    const bytes = new Uint8Array(job.tokens.buffer, job.tokens.byteOffset, job.tokens.byteLength);
    this.#atomically(() => {
      this.#db.prepare('DELETE FROM events WHERE job_id = ?').run(job.id);
      this.#db
        .prepare(
          `INSERT INTO jobs (id, model, model_fingerprint, profile_id, tokens, chunk_ids, state, ttl_seconds,
             created_at, tenant, tenant_salt, place)
           VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?, ?, (SELECT coalesce(max(place), 0) + 1 FROM jobs))
           ON CONFLICT (id) DO UPDATE SET state = 'queued', chunks_done = 0, error_code = NULL, error_detail = NULL,
             model = excluded.model, ttl_seconds = excluded.ttl_seconds, created_at = excluded.created_at,
             place = excluded.place`,
        )
        .run(
          job.id,
          job.model,
          job.modelFingerprint,
          job.profileId,
          bytes,
          JSON.stringify(job.chunkIds),
          job.ttlSeconds,
          new Date().toISOString(),
          job.tenant,
          job.tenantSalt,
        );
      this.#insertEvent(job.id, {
        type: 'tokenized',
        tokenCount: job.tokens.length,
        chunksTotal: job.chunkIds.length,
      });
    });
    this.#changes.emit(job.id);
    this.#changes.emit('queued');
    return this.find(job.id) as Job;
  }

  setState(id: string, state: 'queued' | 'running'): void {
    this.#db.prepare('UPDATE jobs SET state = ? WHERE id = ?').run(state, id);
    this.#changes.emit(id);
  }

  prefilled(id: string, tokensDone: number, tokenCount: number): void {
    this.#record(id, { type: 'prefilled', tokensDone, tokenCount });
  }

  chunkDone(id: string, chunksDone: number, chunksTotal: number): void {
    this.#record(id, { type: 'chunk', chunksDone, chunksTotal }, () => {
      this.#db.prepare('UPDATE jobs SET chunks_done = ? WHERE id = ?').run(chunksDone, id);
    });
  }

  published(id: string): void {
    this.#record(id, { type: 'published', id }, () => {
      this.#db
        .prepare(
          `UPDATE jobs SET state = 'published', chunks_done = json_array_length(chunk_ids) WHERE id = ?`,
        )
        .run(id);
    });
  }

  failed(id: string, code: string, detail: string): void {
    this.#record(id, { type: 'failed', code, detail }, () => {
      this.#db
        .prepare(`UPDATE jobs SET state = 'failed', error_code = ?, error_detail = ? WHERE id = ?`)
        .run(code, detail, id);
    });
  }

  #record(id: string, event: JobEvent, change?: () => void): void {
    this.#atomically(() => {
      change?.();
      this.#insertEvent(id, event);
    });
    this.#changes.emit(id);
  }

  #insertEvent(id: string, event: JobEvent): void {
    this.#db.prepare('INSERT INTO events (job_id, data) VALUES (?, ?)').run(id, JSON.stringify(event));
  }

  /** Events of a job after `seq`, oldest first. Numbers rise over all jobs and are never used twice. */
  events(id: string, afterSeq: number): StoredEvent[] {
    return this.#db
      .prepare('SELECT seq, data FROM events WHERE job_id = ? AND seq > ? ORDER BY seq')
      .all(id, afterSeq)
      .map((found) => ({ seq: Number(found.seq), event: JobEvent.parse(JSON.parse(String(found.data))) }));
  }

  /** What `edge` said it stores under a chunk's id; null if this origin never stored it there. */
  storedLevels(edge: string, chunkId: string): ChunkLevels | null {
    const found = this.#db
      .prepare('SELECT levels FROM stored_chunks WHERE edge = ? AND id = ?')
      .get(edge, chunkId);
    return found === undefined ? null : z.array(ManifestLevel).parse(JSON.parse(String(found.levels)));
  }

  rememberChunk(edge: string, chunkId: string, levels: ChunkLevels): void {
    this.#db
      .prepare(
        `INSERT INTO stored_chunks (edge, id, levels) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET levels = excluded.levels`,
      )
      .run(edge, chunkId, JSON.stringify(levels));
  }

  /** Calls back after every change of this job, or of the queue for 'queued'. Returns the way to stop that. */
  onChange(idOrQueued: string, callback: () => void): () => void {
    this.#changes.on(idOrQueued, callback);
    return () => this.#changes.off(idOrQueued, callback);
  }

  close(): void {
    this.#db.close();
  }
}

export function statusOf(job: Job): JobStatus {
  return {
    id: job.id,
    state: job.state,
    model: job.model,
    tokenCount: job.tokens.length,
    chunksDone: job.chunksDone,
    chunksTotal: job.chunkIds.length,
    ...(job.error === null ? {} : { error: job.error }),
  };
}

function jobOf(found: Record<string, SQLOutputValue>): Job {
  const parsed = row.parse(found);
  return {
    id: parsed.id,
    model: parsed.model,
    modelFingerprint: parsed.model_fingerprint,
    profileId: parsed.profile_id,
    tenant: parsed.tenant,
    tenantSalt: parsed.tenant_salt,
    tokens: new Uint32Array(new Uint8Array(parsed.tokens).buffer),
    chunkIds: parsed.chunk_ids,
    state: parsed.state,
    chunksDone: parsed.chunks_done,
    ttlSeconds: parsed.ttl_seconds,
    createdAt: parsed.created_at,
    error: parsed.error_code === null ? null : { code: parsed.error_code, detail: parsed.error_detail ?? '' },
  };
}
