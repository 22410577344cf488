import { createHash } from 'node:crypto';

/**
 * SHA-256, hexadecimal, of the prefixes of `bytes` that end at `ends`, which ascend. One pass over the bytes: WebCrypto has no
 * state to copy and would hash every prefix from its start.
 */
export function prefixDigests(bytes: Uint8Array, ends: readonly number[]): string[] {
  const hash = createHash('sha256');
  let at = 0;
  return ends.map((end) => {
    hash.update(bytes.subarray(at, end));
    at = end;
    return hash.copy().digest('hex');
  });
}
