import type { JobEvent } from '../../protocol/api.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import type { JobRecord } from './job-record.ts';

export interface StoredEvent {
  seq: number;
  event: JobEvent;
}

/** SQLite-backed objects take values of up to 2 MB. */
const PART_BYTES = 1_000_000;
const SEQ_DIGITS = 12;

const eventKey = (seq: number) => `event:${String(seq).padStart(SEQ_DIGITS, '0')}`;

/** What the object of a job keeps. Reading from an object that keeps nothing writes nothing, so asking for any id is free. */
export class JobStorage {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  get job(): JobRecord | undefined {
    return this.#storage.kv.get<JobRecord>('job');
  }

  set job(job: JobRecord) {
    this.#storage.kv.put('job', job);
  }

  /** Whose job this is, or whose context. */
  get tenant(): string {
    return this.#storage.kv.get<string>('tenant') ?? PUBLIC;
  }

  set tenant(tenant: string) {
    this.#storage.kv.put('tenant', tenant);
  }

  /** The job that stands for this one, or for this context. */
  get leader(): string | undefined {
    return this.#storage.kv.get<string>('leader');
  }

  set leader(id: string | undefined) {
    if (id === undefined) this.#storage.kv.delete('leader');
    else this.#storage.kv.put('leader', id);
  }

  /** Tenants that asked before the context's id was known. */
  get requesters(): readonly string[] {
    return this.#storage.kv.get<string[]>('requesters') ?? [];
  }

  set requesters(tenants: readonly string[]) {
    this.#storage.kv.put('requesters', tenants);
  }

  /** The request's JSON. */
  get payload(): Uint8Array<ArrayBuffer> {
    const parts = [...this.#storage.kv.list<Uint8Array>({ prefix: 'payload:' })].map(([, part]) => part);
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  set payload(bytes: Uint8Array) {
    this.#deleteAll('payload:');
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const index = String(at / PART_BYTES).padStart(3, '0');
      this.#storage.kv.put(`payload:${index}`, bytes.slice(at, at + PART_BYTES));
    }
  }

  /** Numbers rise for as long as the object keeps anything, over all runs of its job. */
  addEvent(event: JobEvent): void {
    const seq = (this.#storage.kv.get<number>('lastSeq') ?? 0) + 1;
    this.#storage.kv.put('lastSeq', seq);
    this.#storage.kv.put(eventKey(seq), event);
  }

  /** Events after `afterSeq`, oldest first. */
  events(afterSeq: number): StoredEvent[] {
    const found = this.#storage.kv.list<JobEvent>({ prefix: 'event:', startAfter: eventKey(afterSeq) });
    return [...found].map(([key, event]) => ({ seq: Number(key.slice('event:'.length)), event }));
  }

  deleteEvents(): void {
    this.#deleteAll('event:');
  }

  deletePayload(): void {
    this.#deleteAll('payload:');
  }

  #deleteAll(prefix: string): void {
    for (const [key] of [...this.#storage.kv.list({ prefix })]) this.#storage.kv.delete(key);
  }
}
