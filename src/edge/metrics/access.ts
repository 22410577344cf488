import { createMiddleware } from 'hono/factory';
import { authenticate, requireScope } from '../auth.ts';
import type { AppEnv } from '../env.ts';

const requireAdmin = requireScope('admin');

/**
 * Metrics tell which routes and levels tenants use, so they are not public: they need a token with the scope `admin`, or the secret
 * METRICS_TOKEN, which does not expire and opens nothing else, for a scraper.
 */
export const requireMetricsAccess = createMiddleware<AppEnv>(async (c, next) => {
  const secret = c.env.METRICS_TOKEN;
  if (secret !== undefined) {
    const given = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (await equalSecrets(given, secret)) return next();
  }
  return authenticate(c, async () => {
    await requireAdmin(c, next);
  });
});

/** Compares digests, so that neither content nor length shows in the time it takes. */
async function equalSecrets(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}
