import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import * as z from 'zod';
import { fromBase64Url } from './base64url.ts';
import { Tenant } from './tenant.ts';

/**
 * What a bearer token may do: read the tenant's private contexts; ask for contexts to be published; take jobs of all tenants and
 * store payloads for them, as origins do; operate the edge. Scopes are checked literally: none implies another.
 */
export const SCOPES = ['read', 'publish', 'compute', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Fewest bytes of a signing key: as many as SHA-256 gives (RFC 7518, section 3.2). */
const MIN_KEY_BYTES = 32;

/** Signing keys by key id. Keep the old key beside the new one until the last token made with it has expired. */
export type TokenKeys = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

export interface TokenClaims {
  tenant: string;
  scopes: Scope[];
  /** Seconds since 1970, as in the `exp` claim. */
  expiresAtSeconds: number;
}

/** The token or the keys are not acceptable; the message never holds the token or a key. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const Claims = z.object({
  tenant: Tenant,
  scope: z.string().max(256),
  exp: z.int(),
});

const KeysFile = z.record(z.string().min(1).max(64), z.string().regex(/^[A-Za-z0-9_-]+$/));

/** Reads `KVEDGE_TOKEN_KEYS`: JSON of the form `{"<kid>": "<key, base64url>"}`. Throws `TokenError`. */
export function parseTokenKeys(json: string): TokenKeys {
  let parsed: z.infer<typeof KeysFile>;
  try {
    parsed = KeysFile.parse(JSON.parse(json));
  } catch {
    throw new TokenError('KVEDGE_TOKEN_KEYS: expected JSON {"<kid>": "<key, base64url>"}');
  }
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [kid, text] of Object.entries(parsed)) {
    const key = fromBase64Url(text);
    if (key.length < MIN_KEY_BYTES) {
      throw new TokenError(
        `KVEDGE_TOKEN_KEYS: key "${kid}" has ${key.length} bytes, expected ${MIN_KEY_BYTES} or more`,
      );
    }
    keys.set(kid, key);
  }
  if (keys.size === 0) throw new TokenError('KVEDGE_TOKEN_KEYS holds no key');
  return keys;
}

export interface MintRequest {
  keys: TokenKeys;
  /** Key to sign with; default: the last of `keys`. */
  kid?: string;
  tenant: string;
  scopes: readonly Scope[];
  ttlSeconds: number;
}

/** A bearer token: a JWT signed with HMAC-SHA-256, with `kid` in its header. Throws `TokenError`. */
export async function mintToken(request: MintRequest): Promise<string> {
  const [kid, key] = signingKey(request.keys, request.kid);
  checkTenant(request.tenant);
  const nowSeconds = Math.floor(Date.now() / 1000);
  return new SignJWT({ tenant: request.tenant, scope: request.scopes.join(' ') })
    .setProtectedHeader({ alg: 'HS256', kid, typ: 'JWT' })
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + request.ttlSeconds)
    .sign(key);
}

/**
 * Checks signature and expiry and returns what the token claims. Only HS256 is accepted, and only with a `kid` of `keys`
 * and an `exp`. Throws `TokenError`.
 */
export async function verifyToken(token: string, keys: TokenKeys): Promise<TokenClaims> {
  try {
    const { kid } = decodeProtectedHeader(token);
    const key = kid === undefined ? undefined : keys.get(kid);
    if (key === undefined) throw new TokenError('the token is signed with an unknown key');
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], requiredClaims: ['exp'] });
    const claims = Claims.parse(payload);
    const scopes = claims.scope.split(' ').filter((scope): scope is Scope => SCOPES.includes(scope as Scope));
    return { tenant: claims.tenant, scopes, expiresAtSeconds: claims.exp };
  } catch (error) {
    if (error instanceof TokenError) throw error;
    if (error instanceof errors.JWTExpired) throw new TokenError('the token has expired');
    throw new TokenError('the token is not valid');
  }
}

/** The key to sign with: the one named, else the last. Throws `TokenError`. */
export function signingKey(keys: TokenKeys, named?: string): [kid: string, key: Uint8Array<ArrayBuffer>] {
  const kid = named ?? [...keys.keys()].at(-1);
  const key = kid === undefined ? undefined : keys.get(kid);
  if (kid === undefined || key === undefined) throw new TokenError(`no key with id "${kid}"`);
  return [kid, key];
}

/** Throws `TokenError` if this cannot be a tenant's name. */
export function checkTenant(name: string): void {
  const parsed = Tenant.safeParse(name);
  if (!parsed.success) throw new TokenError(`tenant: ${parsed.error.issues[0]?.message}`);
}
