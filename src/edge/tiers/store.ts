import { fromHex, toHex } from '../../protocol/ids.ts';
import { type BlobHead, storedHead } from './head.ts';

export type Stored = { created: boolean; head: BlobHead };

/**
 * Stores an object unless the key is taken: the first writer wins, decided by R2 itself. Gives the head of what is stored
 * afterwards. `sha256` is checked by R2 against the bytes.
 */
export async function putIfAbsent(
  bucket: R2Bucket,
  key: string,
  body: ReadableStream | ArrayBuffer | Uint8Array,
  sha256: string,
  meta: Record<string, string>,
): Promise<Stored> {
  const object = await bucket.put(key, body, {
    sha256: fromHex(sha256).buffer,
    customMetadata: meta,
    onlyIf: new Headers({ 'if-none-match': '*' }),
  });
  if (object !== null) return { created: true, head: storedHead(object) };
  const existing = await bucket.head(key);
  if (existing === null) throw new Error(`${key} was deleted while it was being stored`);
  return { created: false, head: storedHead(existing) };
}

/** SHA-256 of bytes in memory, hexadecimal. */
export async function digestHex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}
