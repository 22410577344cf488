import canonicalize from 'canonicalize';
import { fromBase64Url, toBase64Url } from './base64url.ts';
import type { Manifest, ManifestLevel, Signature } from './manifest.ts';

/** Begins the bytes of a signature, so that one over a manifest can never pass for one over a chunk. */
const PURPOSE = { manifest: 'kvedge/manifest/v1\0', chunk: 'kvedge/chunk-levels/v1\0' } as const;
type Purpose = keyof typeof PURPOSE;
const ED25519 = { name: 'Ed25519' };

/** Holds the Ed25519 key of a publisher. docs/api.md, "Signatures", says which bytes are signed. */
export interface Signer {
  /** 32 bytes in base64url: what clients are told to trust. */
  publicKey: string;
  /** The manifest with its signature, in place of one that it may have. */
  signManifest(manifest: Manifest): Promise<Manifest>;
  /** Says that the publisher made the chunk object of which these are the levels. */
  signLevels(chunkId: string, levels: readonly ManifestLevel[]): Promise<Signature>;
}

/**
 * Reads a signing key: PKCS #8 in DER, base64 or base64url, as `openssl genpkey -algorithm ed25519 -outform DER | base64` makes it.
 * Throws `TypeError` if it is none; the message never holds the key.
 */
export async function createSigner(privateKey: string): Promise<Signer> {
  let key: CryptoKey;
  let publicKey: string;
  try {
    key = await crypto.subtle.importKey('pkcs8', fromBase64Url(privateKey.trim()), ED25519, true, ['sign']);
    publicKey = ((await crypto.subtle.exportKey('jwk', key)) as { x: string }).x;
  } catch {
    throw new TypeError('KVEDGE_SIGNING_KEY: expected an Ed25519 key as PKCS #8 DER in base64');
  }
  const sign = async (purpose: Purpose, content: unknown): Promise<Signature> => {
    const value = await crypto.subtle.sign(ED25519, key, signedBytes(purpose, content));
    return { publicKey, value: toBase64Url(new Uint8Array(value)) };
  };
  return {
    publicKey,
    signManifest: async (manifest) => ({
      ...manifest,
      signature: await sign('manifest', unsigned(manifest)),
    }),
    signLevels: (id, levels) => sign('chunk', { id, levels }),
  };
}

/** Whether the manifest's signature is that of the key it names; false without one. Whom to trust is the caller's business. */
export function isManifestSigned(manifest: Manifest): Promise<boolean> {
  return isValid(manifest.signature, 'manifest', unsigned(manifest));
}

/** Like `isManifestSigned`, of the levels of a chunk object. */
export function areLevelsSigned(
  signature: Signature | undefined,
  chunkId: string,
  levels: readonly ManifestLevel[],
): Promise<boolean> {
  return isValid(signature, 'chunk', { id: chunkId, levels });
}

async function isValid(signature: Signature | undefined, purpose: Purpose, content: unknown) {
  if (signature === undefined) return false;
  const { publicKey, value } = signature;
  const key = await crypto.subtle.importKey('raw', fromBase64Url(publicKey), ED25519, false, ['verify']);
  return crypto.subtle.verify(ED25519, key, fromBase64Url(value), signedBytes(purpose, content));
}

function unsigned({ signature: _, ...content }: Manifest) {
  return content;
}

/** The purpose, and the content as canonical JSON (RFC 8785). */
function signedBytes(purpose: Purpose, content: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(PURPOSE[purpose] + canonicalize(content)) as Uint8Array<ArrayBuffer>;
}
