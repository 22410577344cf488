import { ProblemError } from '../../protocol/problems.ts';
import { storedHead } from '../tiers/head.ts';
import { mayWrite } from './conditional.ts';

const CONDITIONS = ['if-match', 'if-none-match', 'if-unmodified-since'];

/**
 * Evaluates the conditions of a PUT, which is otherwise ready to be done, against the stored object (RFC 9110, section
 * 13.2.1). Costs nothing without conditions. Throws `precondition-failed`.
 */
export async function checkWritePreconditions(
  request: Headers,
  bucket: R2Bucket,
  key: string,
): Promise<void> {
  if (!CONDITIONS.some((name) => request.has(name))) return;
  const object = await bucket.head(key);
  const head = object === null ? null : storedHead(object);
  const stored = head === null ? null : { etag: `"${head.sha256}"`, modifiedAtMs: head.storedAtMs };
  if (mayWrite(request, stored, Date.now())) return;
  throw new ProblemError(
    'precondition-failed',
    stored === null ? 'nothing is stored' : `the stored entity tag is ${stored.etag}`,
  );
}
