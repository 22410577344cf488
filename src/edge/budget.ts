import type { ChunkInfo } from '../codec/codec.ts';

/**
 * Size of the longest prefix of a chunk object within `maxBytes` that ends with the prelude or a segment (docs/format.md,
 * section 8); null if not even header and prelude fit.
 */
export function prefixWithin(info: ChunkInfo, maxBytes: number): number | null {
  let end = info.headerBytes + info.preludeBytes;
  if (end > maxBytes) return null;
  for (const segment of info.segments) {
    if (end + segment.bytes > maxBytes) break;
    end += segment.bytes;
  }
  return end;
}
