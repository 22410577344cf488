import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { ProblemError } from '../protocol/problems.ts';
import type { AppEnv, Env } from './env.ts';
import { writeLog } from './log.ts';
import { record } from './metrics/recorder.ts';
import { CHUNK_ROUTE, countRequest, type RequestFacts } from './metrics/request.ts';
import { tenantHash } from './tenant-hash.ts';

/** What a request's line in the log needs beside the facts, and where both go. */
export interface Observation {
  env: Env;
  waitUntil: (work: Promise<unknown>) => void;
  requestId: string;
  tenant: string | undefined;
}

/** Logs and counts every request once its answer is decided; nothing of that delays the answer. */
export const observe = createMiddleware<AppEnv>(async (c, next) => {
  const startedMs = Date.now();
  await next();
  const { error, executionCtx, env, req } = c;
  const route = routePattern(c);
  observeAnswer(
    c.res,
    {
      method: req.method,
      route,
      cut: route === CHUNK_ROUTE ? cutOf(c) : '',
      outcome: c.get('tierOutcome'),
      wallMs: Date.now() - startedMs,
      code: error === undefined ? undefined : error instanceof ProblemError ? error.code : 'internal',
    },
    {
      env,
      waitUntil: (work) => executionCtx.waitUntil(work),
      requestId: c.get('requestId'),
      tenant: c.get('principal')?.tenant,
    },
  );
});

/** Counts one answer, and logs it unless it went well and such are left out. */
export function observeAnswer(
  { status, headers, body }: Response,
  known: Omit<RequestFacts, 'status' | 'bytes' | 'cacheStatus'>,
  { env, waitUntil, requestId, tenant }: Observation,
): void {
  const announced = headers.get('content-length');
  const facts: RequestFacts = {
    ...known,
    status,
    bytes: announced === null || body === null ? undefined : Number(announced),
    cacheStatus: headers.get('cache-status') ?? undefined,
  };
  record(env, waitUntil, (tally) => countRequest(tally, facts));
  if (env.LOG_REQUESTS === 'problems' && status < 400) return;
  if (tenant === undefined) logRequest(facts, requestId);
  else waitUntil(logTenantsRequest(facts, requestId, tenant));
}

async function logTenantsRequest(facts: RequestFacts, requestId: string, tenant: string): Promise<void> {
  logRequest(facts, requestId, await tenantHash(tenant));
}

function logRequest(facts: RequestFacts, requestId: string, tenant?: string): void {
  const { method, route, status, bytes, cacheStatus, wallMs, code } = facts;
  writeLog('info', 'request', {
    requestId,
    method,
    route,
    status,
    bytes,
    cache: cacheStatus,
    ms: wallMs,
    tenant,
    code,
  });
}

/** The pattern of the route in the form of the OpenAPI document; never the path, which a client chooses. */
function routePattern(c: Context): string {
  const path = routePath(c, -1);
  return path.endsWith('*') ? '(none)' : path.replace(/:(\w+)/g, '{$1}');
}

function cutOf({ req }: Context): string {
  const level = req.query('level');
  if (level !== undefined) return level;
  if (req.query('maxBytes') !== undefined) return '(budget)';
  return req.query('layers') === undefined ? '(whole)' : '(layers)';
}
