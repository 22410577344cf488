import { createMiddleware } from 'hono/factory';
import { ProblemError } from '../protocol/problems.ts';
import type { AppEnv, Env, Principal } from './env.ts';

/** `period` of both limits in wrangler.toml; a tenant over the limit has to wait for at most this long. */
const PERIOD_SECONDS = 60;

/** Counts every request of a tenant. Those of nobody in particular are for the platform's own rules, by address. */
export const limitRequests = createMiddleware<AppEnv>(async (c, next) => {
  await count(c.env.TENANT_REQUESTS, c.get('principal'), 'requests');
  await next();
});

/** Counts what a tenant asks to be published. Runs after `requireScope`. */
export const limitPublishes = createMiddleware<AppEnv>(async (c, next) => {
  await count(c.env.TENANT_PUBLISHES, c.get('principal'), 'publishes');
  await next();
});

/** Throws `rate-limited`. Origins, which work for all tenants, are not counted. */
async function count(limit: Env['TENANT_REQUESTS'], principal: Principal | null, of: string): Promise<void> {
  if (limit === undefined || principal === null || principal.scopes.includes('compute')) return;
  const { success } = await limit.limit({ key: principal.tenant });
  if (success) return;
  throw new ProblemError('rate-limited', `tenant "${principal.tenant}" is over its limit of ${of} a minute`, {
    'retry-after': String(PERIOD_SECONDS),
  });
}
