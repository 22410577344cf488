import { ProblemError } from '../../protocol/problems.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import type { Env } from '../env.ts';
import type { ContextJob } from './context-job.ts';
import { jobName } from './job-key.ts';

const ATTEMPTS = 3;
const RETRY_AFTER_SECONDS = 2;

/** Whose job, or context in the making, and its id. */
type Named = Parameters<typeof jobName>[0];

/** The object of a job, or of a context in the making. */
export function jobOf(env: Pick<Env, 'JOBS'>, key: Named): DurableObjectStub<ContextJob> {
  return env.JOBS.get(env.JOBS.idFromName(jobName(key)));
}

/** Asks everybody's object of this id, and if that knows nothing the tenant's own. */
export async function firstOf<T>(
  env: Env,
  tenant: string,
  id: string,
  ask: (job: DurableObjectStub<ContextJob>) => Promise<T | null>,
): Promise<T | null> {
  const everybodys = await askJob(env, { tenant: PUBLIC, job: id }, ask);
  return everybodys !== null || tenant === PUBLIC ? everybodys : askJob(env, { tenant, job: id }, ask);
}

/**
 * Asks a job's object, again if it was restarted meanwhile: every question may be asked twice. A stub is broken after an
 * error, so each attempt takes a new one. Throws the problem `jobs-unavailable`.
 */
export async function askJob<T>(
  env: Env,
  key: Named,
  ask: (job: DurableObjectStub<ContextJob>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(jobOf(env, key));
    } catch (error) {
      const { retryable = false, overloaded = false } = error as {
        retryable?: boolean;
        overloaded?: boolean;
      };
      if (retryable && !overloaded && attempt < ATTEMPTS) continue;
      if (!retryable && !overloaded) throw error;
      const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) };
      throw new ProblemError('jobs-unavailable', `the state of job ${key.job} cannot be read now`, headers, {
        cause: error,
      });
    }
  }
}
