import type { Manifest } from '../protocol/manifest.ts';
import { isManifestSigned } from '../protocol/signature.ts';
import { ClientError } from './errors.ts';

/**
 * The manifest was signed by a publisher that the caller trusts, and is as it was signed.
 *
 * @param trustedKeys Ed25519 public keys, each 32 bytes in base64url; several while a key is rotated
 * Throws `ClientError`: signature-missing, signature-untrusted, signature-invalid.
 */
export async function verifySignature(manifest: Manifest, trustedKeys: readonly string[]): Promise<void> {
  const { signature } = manifest;
  if (signature === undefined) {
    throw new ClientError(
      'signature-missing',
      'the manifest is not signed, and only signed ones are trusted',
    );
  }
  if (!trustedKeys.includes(signature.publicKey)) {
    throw new ClientError(
      'signature-untrusted',
      `the manifest is signed with the key ${signature.publicKey}, which is none of those trusted`,
    );
  }
  if (!(await isManifestSigned(manifest))) {
    throw new ClientError('signature-invalid', 'the manifest is not as its publisher signed it');
  }
}
