import { createMiddleware } from 'hono/factory';
import { ProblemError } from '../protocol/problems.ts';
import { parseTokenKeys, type Scope, TokenError, type TokenKeys, verifyToken } from '../protocol/token.ts';
import type { AppEnv, Env } from './env.ts';

/** The keys as last parsed, with the secret they came from: parsing once per isolate is enough. */
let parsed: { secret: string; keys: TokenKeys } | undefined;

function tokenKeys(env: Env): TokenKeys {
  const secret = env.KVEDGE_TOKEN_KEYS;
  if (secret === undefined) throw new ProblemError('internal', 'the secret KVEDGE_TOKEN_KEYS is not set');
  if (parsed?.secret !== secret) parsed = { secret, keys: parseTokenKeys(secret) };
  return parsed.keys;
}

/**
 * Lets a request pass only with a valid bearer token that carries `scope` (RFC 6750). It runs before the body is read.
 */
export const requireScope = (scope: Scope) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const keys = tokenKeys(c.env);
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(c.req.header('authorization') ?? '')?.[1];
    if (token === undefined) {
      throw new ProblemError('unauthorized', `expected a bearer token with scope "${scope}"`, {
        'www-authenticate': 'Bearer realm="kvedge"',
      });
    }
    const claims = await verifyToken(token, keys).catch((error) => {
      if (!(error instanceof TokenError)) throw error;
      throw new ProblemError('unauthorized', error.message, {
        'www-authenticate': 'Bearer realm="kvedge", error="invalid_token"',
      });
    });
    if (!claims.scopes.includes(scope)) {
      throw new ProblemError('forbidden', `expected a token with scope "${scope}"`, {
        'www-authenticate': `Bearer realm="kvedge", error="insufficient_scope", scope="${scope}"`,
      });
    }
    await next();
  });
