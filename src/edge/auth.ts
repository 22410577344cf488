import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { ProblemError } from '../protocol/problems.ts';
import { isSigned, verifySignedUrl, withoutSignature } from '../protocol/signed-url.ts';
import { PUBLIC, TENANT_HEADER, Tenant } from '../protocol/tenant.ts';
import { parseTokenKeys, type Scope, TokenError, type TokenKeys, verifyToken } from '../protocol/token.ts';
import type { AppEnv, Env, Principal } from './env.ts';

const CHALLENGE = 'Bearer realm="kvedge"';

/** The keys as last parsed, with the secret they came from: parsing once per isolate is enough. */
let parsed: { secret: string; keys: TokenKeys } | undefined;

function tokenKeys(env: Env): TokenKeys {
  const secret = env.KVEDGE_TOKEN_KEYS;
  if (secret === undefined) throw new ProblemError('internal', 'the secret KVEDGE_TOKEN_KEYS is not set');
  if (parsed?.secret !== secret) parsed = { secret, keys: parseTokenKeys(secret) };
  return parsed.keys;
}

/**
 * Finds out who asks, by bearer token (RFC 6750) or signed URL, and keeps it as `principal`; null for nobody in particular. Who shows
 * a credential that is not valid is refused even where none is needed. A signature is taken out of the request's URL.
 */
export const authenticate = createMiddleware<AppEnv>(async (c, next) => {
  const principal = await identify(c);
  c.set('principal', c.req.header(TENANT_HEADER) === undefined ? principal : actingFor(c, principal));
  await next();
});

async function identify(c: Context<AppEnv>): Promise<Principal | null> {
  const authorization = c.req.header('authorization') ?? '';
  const url = c.req.url.includes('?') ? new URL(c.req.url) : null;
  if (url !== null && isSigned(url)) {
    if (authorization !== '') {
      throw new ProblemError('bad-request', 'send either a bearer token or a signed URL, not both');
    }
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      throw new ProblemError('forbidden', 'a signed URL allows GET and HEAD, nothing else');
    }
    const tenant = await checked(verifySignedUrl(url, tokenKeys(c.env)));
    c.req.raw = new Request(withoutSignature(url), c.req.raw);
    return { tenant, scopes: ['read'] };
  }
  if (authorization === '') return null;
  const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1];
  if (token === undefined) {
    throw new ProblemError('unauthorized', 'expected "Authorization: Bearer <token>"', {
      'www-authenticate': CHALLENGE,
    });
  }
  const { tenant, scopes } = await checked(verifyToken(token, tokenKeys(c.env)));
  return { tenant, scopes };
}

function checked<T>(claims: Promise<T>): Promise<T> {
  return claims.catch((error) => {
    if (!(error instanceof TokenError)) throw error;
    throw new ProblemError('unauthorized', error.message, {
      'www-authenticate': `${CHALLENGE}, error="invalid_token"`,
    });
  });
}

/** An origin that names a tenant reads and writes what is that tenant's. */
function actingFor(c: Context<AppEnv>, principal: Principal | null): Principal {
  demandScope(principal, ['compute']);
  const tenant = Tenant.safeParse(c.req.header(TENANT_HEADER));
  if (!tenant.success) {
    throw new ProblemError('bad-request', `${TENANT_HEADER}: ${tenant.error.issues[0]?.message}`);
  }
  return { tenant: tenant.data, scopes: ['compute', 'read'] };
}

/** Lets a request pass `authenticate` only if its principal has one of `scopes`. It runs before the body is read. */
export const requireScope = (...scopes: [Scope, ...Scope[]]) =>
  createMiddleware<AppEnv>(async (c, next) => {
    demandScope(c.get('principal'), scopes);
    await next();
  });

function demandScope(principal: Principal | null, scopes: readonly Scope[]): asserts principal is Principal {
  const expected = scopes.map((scope) => `"${scope}"`).join(' or ');
  if (principal === null) {
    throw new ProblemError('unauthorized', `expected a bearer token with scope ${expected}`, {
      'www-authenticate': CHALLENGE,
    });
  }
  if (!scopes.some((scope) => principal.scopes.includes(scope))) {
    throw new ProblemError('forbidden', `expected a token with scope ${expected}`, {
      'www-authenticate': `${CHALLENGE}, error="insufficient_scope", scope="${scopes.join(' ')}"`,
    });
  }
}

/** The tenant whose private objects a reader may see besides the public ones; `PUBLIC` if none. */
export function readerTenant(principal: Principal | null): string {
  return principal?.scopes.includes('read') ? principal.tenant : PUBLIC;
}

/** The tenant for whom an origin stores what it sends; `PUBLIC` for everybody. Only after `requireScope('compute')`. */
export function publishingTenant(c: Context<AppEnv>): string {
  return c.req.header(TENANT_HEADER) ?? PUBLIC;
}
