import type { JobRecord } from './job-record.ts';

/** When a job is sent again, tried again, given up and forgotten. Pure arithmetic; milliseconds. */

/** Origins that may stop, or whose engine may fail, in one job before it is the job's fault. */
export const MAX_ATTEMPTS = 5;
/** A job that no origin takes for so long has failed. */
export const MAX_QUEUED_MS = 24 * 3_600_000;
/** A settled job answers for so long; its context lives on without it. */
export const KEEP_SETTLED_MS = 7 * 24 * 3_600_000;

const FIRST_RESEND_MS = 15_000;
const MAX_RESEND_MS = 15 * 60_000;
/** After a failed send. */
const SEND_AGAIN_MS = 1_000;

/** Failures that another try, or another origin, may not have; a payload can be swept away just before it is named. */
const RETRIED_CODES: ReadonlySet<string> = new Set(['engine-failed', 'internal', 'payload-missing']);

export function isRetried(code: string, attempts: number): boolean {
  return RETRIED_CODES.has(code) && attempts + 1 < MAX_ATTEMPTS;
}

/**
 * A key may be lost on its way (a queue that lost it, a dispatcher that stopped between two steps), so a job that is still
 * queued sends another, ever less often.
 */
export function resendDelayMs(sends: number): number {
  return sends === 0 ? SEND_AGAIN_MS : Math.min(FIRST_RESEND_MS * 2 ** (sends - 1), MAX_RESEND_MS);
}

/** How long the queue holds a key back after an attempt that failed. */
export function backoffSeconds(attempts: number): number {
  return attempts === 0 ? 0 : 2 ** (attempts - 1);
}

/** When the job's alarm must ring next. */
export function alarmAtMs(job: JobRecord, nowMs: number): number {
  switch (job.state) {
    case 'queued':
      return Math.min(nowMs + resendDelayMs(job.sends), job.sinceMs + MAX_QUEUED_MS);
    case 'running':
      return job.lease?.untilMs ?? nowMs;
    case 'published':
    case 'failed':
      return job.sinceMs + KEEP_SETTLED_MS;
  }
}
