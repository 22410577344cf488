import type { JobStatus } from '../../protocol/api.ts';
import { PROBLEMS, type ProblemCode, ProblemError } from '../../protocol/problems.ts';

/** Codes that speak of the origin's own requests to the edge, not of the client's. */
const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set([
  'unauthorized',
  'forbidden',
  'internal',
  'length-required',
  'unsupported-media-type',
]);

/**
 * The problem of a failed job, for the one who asks for its state. Codes that say whose fault it was on the server's side are
 * kept; any other would read as if the request that merely asks were wrong.
 */
export function jobFailure(status: JobStatus): ProblemError {
  const { code, detail } = errorOf(status);
  const known = Object.hasOwn(PROBLEMS, code) ? (code as ProblemCode) : undefined;
  if (known !== undefined && PROBLEMS[known][0] >= 500 && known !== 'internal') {
    return new ProblemError(known, detail);
  }
  return new ProblemError('origin-failed', `the job failed with ${code}: ${detail}`);
}

/** The problem of a failed job, for the one whose request it was. */
export function requestFailure(status: JobStatus): ProblemError {
  const { code, detail } = errorOf(status);
  if (Object.hasOwn(PROBLEMS, code) && !NOT_FOR_CLIENTS.has(code))
    return new ProblemError(code as ProblemCode, detail);
  return jobFailure(status);
}

function errorOf(status: JobStatus) {
  return status.error ?? { code: 'internal', detail: 'the job failed' };
}
