import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { Changes } from './changes.ts';
import type { LeaseGrant } from './context-job.ts';
import type { JobKey } from './job-key.ts';
import { jobOf } from './job-of.ts';

/** A model that no origin has asked work for in so long is served no more. */
const MODEL_KEPT_MS = 24 * 3_600_000;

/** The deployment's dispatcher. */
export function dispatcherOf(env: Env): DurableObjectStub<Dispatcher> {
  return env.DISPATCHER.get(env.DISPATCHER.idFromName('dispatcher'));
}

/**
 * Where work waits for origins: keys of jobs, oldest first, and origins that wait for one. A key here is a hint; whether there
 * is work to do is for the job to say.
 */
export class Dispatcher extends DurableObject<Env> {
  readonly #changes = new Changes();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      `CREATE TABLE IF NOT EXISTS ready (place INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, job TEXT NOT NULL, model TEXT NOT NULL, UNIQUE (tenant, job));
       CREATE INDEX IF NOT EXISTS ready_by_model ON ready (model, place);
       CREATE TABLE IF NOT EXISTS models (name TEXT PRIMARY KEY, seen_ms INTEGER NOT NULL) WITHOUT ROWID;`,
    );
  }

  /**
   * Puts keys where origins find them. Returns those whose model no origin serves, as long as origins serve others; while
   * there are no origins at all, keys wait for them.
   */
  async offer(keys: readonly JobKey[]): Promise<{ unserved: JobKey[]; models: string[] }> {
    const models = this.#models();
    const served = (key: JobKey) => models.length === 0 || models.includes(key.model);
    for (const { tenant, job, model } of keys.filter(served)) {
      this.ctx.storage.sql.exec(
        'INSERT OR IGNORE INTO ready (tenant, job, model) VALUES (?, ?, ?)',
        tenant,
        job,
        model,
      );
    }
    this.#changes.announce();
    return { unserved: keys.filter((key) => !served(key)), models };
  }

  /** Leases the oldest job of one of the models, waiting up to `waitMs` for one. */
  async lease(models: readonly string[], waitMs: number): Promise<LeaseGrant | null> {
    const untilMs = Date.now() + waitMs;
    this.#seen(models);
    for (;;) {
      const job = this.#take(models);
      if (job !== null) {
        const grant = await jobOf(this.env, job).lease();
        if (grant !== null) return grant;
        continue;
      }
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) return null;
      await this.#changes.next(leftMs);
    }
  }

  /** Models that origins serve. */
  #models(): string[] {
    const sinceMs = Date.now() - MODEL_KEPT_MS;
    const found = this.ctx.storage.sql.exec<{ name: string }>(
      'SELECT name FROM models WHERE seen_ms >= ?',
      sinceMs,
    );
    return [...found].map(({ name }) => name);
  }

  #seen(models: readonly string[]): void {
    for (const name of models) {
      this.ctx.storage.sql.exec(
        'INSERT INTO models (name, seen_ms) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms',
        name,
        Date.now(),
      );
    }
  }

  #take(models: readonly string[]): { tenant: string; job: string } | null {
    const marks = models.map(() => '?').join(', ');
    const taken = this.ctx.storage.sql.exec<{ tenant: string; job: string }>(
      `DELETE FROM ready WHERE place = (SELECT min(place) FROM ready WHERE model IN (${marks})) RETURNING tenant, job`,
      ...models,
    );
    return taken.toArray()[0] ?? null;
  }
}
