import canonicalize from 'canonicalize';
import { fromBase64Url, toBase64Url } from './base64url.ts';
import type { Manifest } from './manifest.ts';

const CONTEXT = 'kvedge/manifest/v1\0';
const ED25519 = { name: 'Ed25519' };

/** An Ed25519 key that signs manifests. */
export interface ManifestSigner {
  /** 32 bytes in base64url: what clients are told to trust. */
  publicKey: string;
  sign(manifest: Manifest): Promise<Manifest>;
}

/**
 * The bytes that a signature covers: `"kvedge/manifest/v1\0"` and the manifest without `signature` as canonical JSON (RFC 8785).
 * docs/api.md, "Signed manifests", is the law.
 */
export function signedManifestBytes(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const { signature: _, ...content } = manifest;
  return new TextEncoder().encode(CONTEXT + canonicalize(content)) as Uint8Array<ArrayBuffer>;
}

/**
 * Reads a signing key: PKCS #8 in DER, base64 or base64url, as `openssl genpkey -algorithm ed25519 -outform DER | base64` makes it.
 * Throws `TypeError` if it is none; the message never holds the key.
 */
export async function manifestSigner(privateKey: string): Promise<ManifestSigner> {
  let key: CryptoKey;
  let publicKey: string | undefined;
  try {
    key = await crypto.subtle.importKey('pkcs8', fromBase64Url(privateKey.trim()), ED25519, true, ['sign']);
    publicKey = ((await crypto.subtle.exportKey('jwk', key)) as JsonWebKey).x;
  } catch {
    throw new TypeError('KVEDGE_SIGNING_KEY: expected an Ed25519 key as PKCS #8 DER in base64');
  }
  if (publicKey === undefined) throw new TypeError('KVEDGE_SIGNING_KEY: the key has no public part');
  const signer = publicKey;
  return {
    publicKey: signer,
    async sign(manifest) {
      const bytes = signedManifestBytes(manifest);
      const value = toBase64Url(new Uint8Array(await crypto.subtle.sign(ED25519, key, bytes)));
      return { ...manifest, signature: { publicKey: signer, value } };
    },
  };
}

/** Whether the manifest's signature is that of the key it names. False without one. Whom to trust is the caller's business. */
export async function isSignatureValid(manifest: Manifest): Promise<boolean> {
  if (manifest.signature === undefined) return false;
  const { publicKey, value } = manifest.signature;
  const key = await crypto.subtle.importKey('raw', fromBase64Url(publicKey), ED25519, false, ['verify']);
  return crypto.subtle.verify(ED25519, key, fromBase64Url(value), signedManifestBytes(manifest));
}
