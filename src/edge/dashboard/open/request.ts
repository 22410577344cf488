import type { OpenRequest } from './messages.ts';

/** What a person put into the form, as it is. */
export type OpenFields = Record<'id' | 'level' | 'deadline' | 'token', string>;

/** Whether a level is one of the context's is for the client to say, who knows the manifest. */
export type FieldErrors = Partial<Record<'id' | 'deadline', string>>;

/** As long as the edge plans for. */
export const MAX_DEADLINE_MS = 600_000;

/** The request that the fields make, or what is wrong with them, for a person to read. */
export function readFields(fields: OpenFields): { request: OpenRequest } | { errors: FieldErrors } {
  const [id, level, deadline, token] = (['id', 'level', 'deadline', 'token'] as const).map((name) =>
    fields[name].trim(),
  ) as [string, string, string, string];
  const errors: FieldErrors = {};
  if (!/^[0-9a-f]{64}$/.test(id)) errors.id = 'A context id has 64 digits of 0-9 and a-f.';
  if (deadline !== '') {
    if (!/^\d+$/.test(deadline))
      errors.deadline = 'A deadline is a whole number of milliseconds, such as 800.';
    else if (Number(deadline) < 1) errors.deadline = 'A deadline is at least 1 millisecond.';
    else if (Number(deadline) > MAX_DEADLINE_MS)
      errors.deadline = `A deadline is at most ${MAX_DEADLINE_MS} milliseconds, 10 minutes.`;
    else if (level !== '')
      errors.deadline = 'Give a level or a deadline, not both: by a deadline the levels are chosen for you.';
  }
  if (Object.keys(errors).length > 0) return { errors };
  return {
    request: {
      id,
      level: level || null,
      deadlineMs: deadline === '' ? null : Number(deadline),
      token: token || null,
    },
  };
}
