import type { z } from 'zod';
import { LIMITS } from '../protocol/limits.ts';
import { ProblemError } from '../protocol/problems.ts';

const MAX_ISSUES = 3;

/** The problem that tells a client what a schema found wrong: where and what, but no values. */
export function validationProblem(error: z.core.$ZodError): ProblemError {
  for (const issue of error.issues) {
    if (issue.code === 'too_big' && issue.path.at(-1) === 'tokens' && issue.path.length === 1) {
      return new ProblemError(
        'context-too-large',
        `"tokens" is longer than contextTokens allows: ${LIMITS.contextTokens}`,
      );
    }
  }
  const shown = error.issues
    .slice(0, MAX_ISSUES)
    .map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  const rest = error.issues.length - shown.length;
  if (rest > 0) shown.push(`and ${rest} more`);
  return new ProblemError('bad-request', shown.join('; '));
}
