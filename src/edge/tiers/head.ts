import { toHex } from '../../protocol/ids.ts';

/** What the tiers know of a stored object without its bytes. */
export interface BlobHead {
  bytes: number;
  /** SHA-256 of the whole object, hexadecimal. */
  sha256: string;
  /** When it was stored, in milliseconds since 1970. */
  storedAtMs: number;
  /** As given to R2 when the object was stored. */
  meta: Record<string, string>;
}

/** The head of an object in R2. Every object is stored with its SHA-256. */
export function storedHead(object: R2Object): BlobHead {
  const { sha256 } = object.checksums;
  if (sha256 === undefined) throw new Error(`${object.key} is stored without a SHA-256`);
  return {
    bytes: object.size,
    sha256: toHex(new Uint8Array(sha256)),
    storedAtMs: object.uploaded.getTime(),
    meta: object.customMetadata ?? {},
  };
}
