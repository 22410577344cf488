import { fromHex, sha256Hex } from '../protocol/ids.ts';
import type { KvPlanes } from './planes.ts';

/** SHA-256 of decoded planes, their fp16 values in little-endian order: what two decoders compare. */
export function planesDigest({ data }: KvPlanes): Promise<string> {
  return sha256Hex(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
}

/** One digest for all chunks of a context: the SHA-256 of their digests, one after the other. */
export function contextPlanesDigest(chunkDigests: readonly string[]): Promise<string> {
  return sha256Hex(fromHex(chunkDigests.join('')));
}
