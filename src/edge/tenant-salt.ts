import { fromBase64Url } from '../protocol/base64url.ts';
import { toHex } from '../protocol/ids.ts';
import { ProblemError } from '../protocol/problems.ts';
import type { Env } from './env.ts';

const MIN_SECRET_BYTES = 32;

/**
 * The salt of a tenant's private ids (docs/format.md, section 3): HMAC-SHA-256 of the tenant's name, so that nobody without the secret
 * can compute another tenant's ids. 64 hexadecimal digits. Throws `internal` if the secret is not set or unusable.
 */
export async function tenantSalt(env: Env, tenant: string): Promise<string> {
  const message = new TextEncoder().encode(`kvedge/tenant/v1\0${tenant}`);
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', await secretKey(env), message)));
}

async function secretKey(env: Env): Promise<CryptoKey> {
  const text = env.KVEDGE_TENANT_SECRET;
  if (text === undefined) throw new ProblemError('internal', 'the secret KVEDGE_TENANT_SECRET is not set');
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = fromBase64Url(text);
  } catch {
    // Said below, without the text.
  }
  if (bytes === undefined || bytes.length < MIN_SECRET_BYTES) {
    throw new ProblemError(
      'internal',
      `KVEDGE_TENANT_SECRET: expected ${MIN_SECRET_BYTES} bytes or more in base64url`,
    );
  }
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}
