import { TENANT_HEADER } from '../protocol/tenant.ts';
import type { Env } from './env.ts';
import { finishHeaders, requestIdOf } from './http/finish.ts';
import { CHUNK_ROUTE, CONTEXT_ROUTE } from './metrics/request.ts';
import { observeAnswer } from './observe.ts';
import { newReading, type Reading } from './reading.ts';
import { readChunk } from './routes/chunks.ts';
import { readContext } from './routes/contexts.ts';
import type { TierOutcome } from './tiers/outcome.ts';
import { asProblem } from './unexpected.ts';

/** A GET of a public chunk, one of its levels, or a manifest. */
export interface HotRequest {
  route: typeof CHUNK_ROUTE | typeof CONTEXT_ROUTE;
  id: string;
  level: string | undefined;
}

/** Patterns as the schemas of the routes have them; everything else is for them to accept or refuse. */
const HOT_URL =
  /^https?:\/\/[^/?#]+\/v1\/(?:chunks\/([0-9a-f]{64})(?:\?level=([a-z0-9-]{1,16}))?|contexts\/([0-9a-f]{64}))$/;

/** Null for a request that goes the long way: through router, authentication, limits of its tenant and schemas. */
export function matchHot(request: Request): HotRequest | null {
  if (request.method !== 'GET') return null;
  const match = HOT_URL.exec(request.url);
  if (match === null) return null;
  const { headers } = request;
  if (headers.has('authorization') || headers.has(TENANT_HEADER)) return null;
  const [, chunk, level, context] = match;
  return chunk === undefined
    ? { route: CONTEXT_ROUTE, id: context!, level: undefined }
    : { route: CHUNK_ROUTE, id: chunk, level };
}

/** Answers with the handler of the route, without what a request that shows no credential and has no body does not need. */
export async function serveHot(
  { route, id, level }: HotRequest,
  request: Request,
  env: Env,
  ctx: Pick<ExecutionContext, 'waitUntil'>,
): Promise<Response> {
  const startedMs = Date.now();
  const requestId = requestIdOf(request.headers);
  const waitUntil = (work: Promise<unknown>) => ctx.waitUntil(work);
  let outcome: TierOutcome | undefined;
  const reading: Reading = newReading(request, env, null, waitUntil, (latest) => {
    outcome = latest;
  });
  let response: Response;
  let code: string | undefined;
  try {
    response = await (route === CHUNK_ROUTE ? readChunk(reading, id, { level }) : readContext(reading, id));
  } catch (error) {
    const problem = asProblem(error, requestId);
    code = problem.code;
    response = problem.toResponse(requestId);
  }
  const cut = route === CHUNK_ROUTE ? (level ?? '(whole)') : '';
  const wallMs = Date.now() - startedMs;
  observeAnswer(
    response,
    { method: 'GET', route, cut, outcome, wallMs, code },
    { env, waitUntil, requestId, tenant: undefined },
  );
  finishHeaders(response.headers, requestId);
  return response;
}
