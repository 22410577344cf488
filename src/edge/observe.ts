import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { ProblemError } from '../protocol/problems.ts';
import type { AppEnv } from './env.ts';
import { writeLog } from './log.ts';
import { record } from './metrics/recorder.ts';
import { countRequest, type RequestFacts } from './metrics/request.ts';
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
  executionCtx.waitUntil(logRequest(facts, c.get('requestId'), c.get('principal')?.tenant));
});

async function logRequest(facts: RequestFacts, requestId: string, tenant: string | undefined): Promise<void> {
  const { method, route, status, bytes, cacheStatus, wallMs, code } = facts;
  writeLog('info', 'request', {
    requestId,
    method,
    route,
    status,
    bytes,
    cache: cacheStatus,
    ms: wallMs,
    tenant: tenant === undefined ? undefined : await tenantHash(tenant),
    code,
  });
}

function factsOf(c: Context<AppEnv>, wallMs: number): RequestFacts {
  const { res, req, error } = c;
  const announced = res.headers.get('content-length');
  return {
    method: req.method,
    route: routePattern(c),
    status: res.status,
    bytes: announced === null || res.body === null ? undefined : Number(announced),
    cacheStatus: res.headers.get('cache-status') ?? undefined,
    cut: cutOf(req.query()),
    wallMs,
    code: error === undefined ? undefined : error instanceof ProblemError ? error.code : 'internal',
  };
}

/** The pattern of the route in the form of the OpenAPI document; never the path, which a client chooses. */
function routePattern(c: Context): string {
  const path = routePath(c, -1);
  return path.endsWith('*') ? '(none)' : path.replace(/:(\w+)/g, '{$1}');
}

function cutOf(query: Record<string, string>): string {
  if (query.level !== undefined) return query.level;
  if (query.maxBytes !== undefined) return '(budget)';
  return query.layers === undefined ? '(whole)' : '(layers)';
}
