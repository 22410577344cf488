import type { ProblemError } from '../../protocol/problems.ts';
import { type Answer, decideAnswer, type Representation } from '../http/representation.ts';
import type { BlobTiers } from '../tiers/blobs.ts';
import type { BlobHead } from '../tiers/head.ts';
import { setTierHeaders } from '../tiers/outcome.ts';
import type { BlobPolicy } from '../tiers/policy.ts';

export interface StoredObject {
  key: string;
  policy: BlobPolicy;
  /** The representation to serve, chosen by what is stored; always a prefix of the stored object. May throw. */
  represent: (head: BlobHead) => Representation;
  /** Thrown when nothing is stored. */
  missing: () => ProblemError;
}

/** Answers a GET or HEAD with a prefix of a stored object, or a range of that prefix, as a stream. */
export async function serveStored(
  tiers: BlobTiers,
  request: Request,
  object: StoredObject,
): Promise<Response> {
  const response = await serveIfStored(tiers, request, object);
  if (response === null) throw object.missing();
  return response;
}

/** Like `serveStored`; null when nothing is stored. */
export async function serveIfStored(
  tiers: BlobTiers,
  request: Request,
  object: Omit<StoredObject, 'missing'>,
): Promise<Response | null> {
  let answer: Answer | undefined;
  const opened = await tiers.open(object.key, object.policy, (head) => {
    answer = decideAnswer(request.method, request.headers, object.represent(head));
    return answer.range;
  });
  if (opened === null || answer === undefined) return null;
  setTierHeaders(answer.headers, opened.outcome);
  return new Response(opened.body, { status: answer.status, headers: answer.headers });
}
