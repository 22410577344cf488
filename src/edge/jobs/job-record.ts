import type { JobEvent, JobStatus } from '../../protocol/api.ts';

/** A job as its object stores it. Times are milliseconds since 1970. */
export interface JobRecord {
  id: string;
  tenant: string;
  model: string;
  state: JobStatus['state'];
  createdAtMs: number;
  /** When the context shall expire; null for never. */
  expiresAtMs: number | null;
  /** When it came into its state. */
  sinceMs: number;
  /** Keys sent to the queue since it is queued. */
  sends: number;
  /** Leases that ended without a result. */
  attempts: number;
  /** The last lease: valid while the job runs, and renewable until another origin takes the job. */
  lease: { id: string; untilMs: number } | null;
  contextId: string | null;
  tokenCount: number | null;
  chunksTotal: number | null;
  chunksDone: number;
  error: { code: string; detail: string } | null;
}

export interface JobSubmission {
  id: string;
  /** `PUBLIC` for a public context. */
  tenant: string;
  model: string;
  expiresAtMs: number | null;
  /** Who asks: the registry notes it once the context's id is known, so that they may delete what they published. */
  requester: string;
}

/** A job that nobody has worked on; of an earlier run, the count of lost leases is not kept. */
export function newJob({ requester: _, ...request }: JobSubmission, nowMs: number): JobRecord {
  return {
    ...request,
    state: 'queued',
    createdAtMs: nowMs,
    sinceMs: nowMs,
    sends: 0,
    attempts: 0,
    lease: null,
    contextId: null,
    tokenCount: null,
    chunksTotal: null,
    chunksDone: 0,
    error: null,
  };
}

export function isPending(job: Pick<JobRecord, 'state'>): boolean {
  return job.state === 'queued' || job.state === 'running';
}

export function statusOf(job: JobRecord): JobStatus {
  const { id, state, model, contextId, tokenCount, chunksTotal, chunksDone, error } = job;
  const status = { id, state, model, contextId, tokenCount, chunksTotal, chunksDone };
  return error === null ? status : { ...status, error };
}

/** The job after an event of the origin that works on it. */
export function afterEvent(job: JobRecord, event: JobEvent, nowMs: number): JobRecord {
  switch (event.type) {
    case 'tokenized':
      return { ...job, contextId: event.id, tokenCount: event.tokenCount, chunksTotal: event.chunksTotal };
    case 'prefilled':
      return job;
    case 'chunk':
      return { ...job, chunksDone: event.chunksDone };
    case 'published':
      return {
        ...job,
        state: 'published',
        sinceMs: nowMs,
        contextId: event.id,
        chunksDone: job.chunksTotal ?? job.chunksDone,
      };
    case 'failed':
      return {
        ...job,
        state: 'failed',
        sinceMs: nowMs,
        error: { code: event.code, detail: event.detail },
      };
  }
}

/** The later of two expiries; null is never. */
export function laterExpiry(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
