import * as z from 'zod';
import { fromBase64Url, toBase64Url } from './base64url.ts';
import { Tenant } from './tenant.ts';
import { checkTenant, signingKey, TokenError, type TokenKeys } from './token.ts';

/** Query parameters of a signed URL. No route uses such a name. */
export const SIGNATURE_PARAMETERS = ['sig-tenant', 'sig-expires', 'sig-key', 'sig'] as const;
type SignatureParameter = (typeof SIGNATURE_PARAMETERS)[number];

const Parameters = z.strictObject({
  'sig-tenant': Tenant,
  'sig-expires': z
    .string()
    .regex(/^\d{1,12}$/)
    .transform(Number),
  'sig-key': z.string().min(1).max(64),
  sig: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});

export interface SignUrlRequest {
  keys: TokenKeys;
  /** Key to sign with; default: the last of `keys`. */
  kid?: string;
  tenant: string;
  /** Absolute URL. Its path is signed; its query may be changed afterwards, so any cut of a chunk can be asked for. */
  url: string;
  ttlSeconds: number;
}

/** A URL that reads one path for a tenant without a token, for browsers. Throws `TokenError`. */
export async function signUrl(request: SignUrlRequest): Promise<string> {
  const [kid, key] = signingKey(request.keys, request.kid);
  checkTenant(request.tenant);
  const url = new URL(request.url);
  const expiresAtSeconds = Math.floor(Date.now() / 1000) + request.ttlSeconds;
  const signed = signedBytes(request.tenant, url.pathname, expiresAtSeconds, kid);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', await hmacKey(key, 'sign'), signed));
  const values: Record<SignatureParameter, string> = {
    'sig-tenant': request.tenant,
    'sig-expires': String(expiresAtSeconds),
    'sig-key': kid,
    sig: toBase64Url(signature),
  };
  for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value);
  return url.href;
}

/** Whether a URL carries a signature, or a part of one. */
export function isSigned(url: URL): boolean {
  return SIGNATURE_PARAMETERS.some((name) => url.searchParams.has(name));
}

/**
 * Checks the signature and expiry of a URL; returns the tenant that it reads for. The comparison is WebCrypto's, in constant
 * time. Throws `TokenError`.
 */
export async function verifySignedUrl(url: URL, keys: TokenKeys): Promise<string> {
  if (SIGNATURE_PARAMETERS.some((name) => url.searchParams.getAll(name).length > 1)) {
    throw new TokenError('the signature of the URL is not valid');
  }
  const parsed = Parameters.safeParse(
    Object.fromEntries(SIGNATURE_PARAMETERS.map((name) => [name, url.searchParams.get(name) ?? undefined])),
  );
  if (!parsed.success) throw new TokenError('the signature of the URL is not valid');
  const { 'sig-tenant': tenant, 'sig-expires': expiresAtSeconds, 'sig-key': kid, sig } = parsed.data;
  const key = keys.get(kid);
  if (key === undefined) throw new TokenError('the URL is signed with an unknown key');
  const signed = signedBytes(tenant, url.pathname, expiresAtSeconds, kid);
  const valid = await crypto.subtle.verify('HMAC', await hmacKey(key, 'verify'), fromBase64Url(sig), signed);
  if (!valid) throw new TokenError('the signature of the URL is not valid');
  if (expiresAtSeconds * 1000 <= Date.now()) throw new TokenError('the signed URL has expired');
  return tenant;
}

/** The URL without its signature. */
export function withoutSignature(url: URL): URL {
  const bare = new URL(url);
  for (const name of SIGNATURE_PARAMETERS) bare.searchParams.delete(name);
  return bare;
}

/** The first line keeps these bytes apart from those of a JWT, which the same key may sign: a JWT has no line feed. */
function signedBytes(tenant: string, path: string, expiresAtSeconds: number, kid: string) {
  const lines = ['kvedge/url/v1', tenant, path, String(expiresAtSeconds), kid];
  return new TextEncoder().encode(lines.join('\n')) as Uint8Array<ArrayBuffer>;
}

function hmacKey(key: Uint8Array<ArrayBuffer>, usage: 'sign' | 'verify') {
  return crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [usage]);
}
