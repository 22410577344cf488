import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { ProblemError } from '../protocol/problems.ts';
import type { AppEnv } from './env.ts';
import { writeLog } from './log.ts';
import { record } from './metrics/recorder.ts';
import { CHUNK_ROUTE, countRequest, type RequestFacts } from './metrics/request.ts';
import { tenantHash } from './tenant-hash.ts';

/** Logs and counts every request once its answer is decided; nothing of that delays the answer. */
export const observe = createMiddleware<AppEnv>(async (c, next) => {
  const startedMs = Date.now();
  await next();
  const facts = factsOf(c, Date.now() - startedMs);
  const { executionCtx, env } = c;
  record(
    env,
    (work) => executionCtx.waitUntil(work),
    (tally) => countRequest(tally, facts),
  );
  if (env.LOG_REQUESTS === 'problems' && facts.status < 400) return;
  const tenant = c.get('principal')?.tenant;
  if (tenant === undefined) logRequest(facts, c.get('requestId'));
  else executionCtx.waitUntil(logTenantsRequest(facts, c.get('requestId'), tenant));
});

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

function factsOf(c: Context<AppEnv>, wallMs: number): RequestFacts {
  const { res, req, error } = c;
  const route = routePattern(c);
  const announced = res.headers.get('content-length');
  return {
    method: req.method,
    route,
    status: res.status,
    bytes: announced === null || res.body === null ? undefined : Number(announced),
    cacheStatus: res.headers.get('cache-status') ?? undefined,
    cut: route === CHUNK_ROUTE ? cutOf(c) : '',
    wallMs,
    code: error === undefined ? undefined : error instanceof ProblemError ? error.code : 'internal',
  };
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
