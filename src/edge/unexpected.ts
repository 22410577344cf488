import { HTTPException } from 'hono/http-exception';
import { ProblemError } from '../protocol/problems.ts';
import { errorFields, writeLog } from './log.ts';

/** What a client is told of an error. One that nobody expected is logged. */
export function asProblem(error: unknown, requestId: string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    return new ProblemError('bad-request', error.message);
  }
  writeLog('error', 'internal error', { requestId, ...errorFields(error) });
  return new ProblemError('internal', `unexpected ${error instanceof Error ? error.name : typeof error}`);
}
