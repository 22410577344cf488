import type { ChunkTokens } from '../protocol/manifest.ts';
import type { ByteRange } from './http/range.ts';

/**
 * How the tokens of a context are stored: an index of `count + 1` little-endian u32 offsets, then the JSON of each chunk followed
 * by a comma. A request for some chunks reads the index and their bytes and parses nothing.
 */
const COUNT_KEY = 'chunks';

export interface TokensObject {
  bytes: Uint8Array<ArrayBuffer>;
  meta: Record<string, string>;
}

export function writeTokens(chunks: readonly ChunkTokens[]): TokensObject {
  const encoder = new TextEncoder();
  const parts = chunks.map((chunk) => encoder.encode(`${JSON.stringify(chunk)},`));
  const indexBytes = 4 * (chunks.length + 1);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, indexBytes));
  const view = new DataView(bytes.buffer);
  let at = indexBytes;
  parts.forEach((part, i) => {
    view.setUint32(4 * i, at, true);
    bytes.set(part, at);
    at += part.length;
  });
  view.setUint32(4 * chunks.length, at, true);
  return { bytes, meta: { [COUNT_KEY]: String(chunks.length) } };
}

/** Number of chunks in a stored object. */
export function tokensCount(meta: Record<string, string>): number {
  const count = Number(meta[COUNT_KEY]);
  if (!Number.isInteger(count) || count < 1) throw new Error('not a tokens object');
  return count;
}

/** Where the two offsets lie that bound chunks `from .. to - 1`. */
export function indexRange(from: number, to: number): ByteRange {
  return { offset: 4 * from, length: 4 * (to - from + 1) };
}

/** The JSON of the chunks whose part of the index is given, joined by commas; nothing for no chunks. */
export function chunksRange(index: Uint8Array): ByteRange | null {
  const view = new DataView(index.buffer, index.byteOffset, index.byteLength);
  const offset = view.getUint32(0, true);
  const end = view.getUint32(index.byteLength - 4, true);
  return end === offset ? null : { offset, length: end - offset - 1 };
}

/** The JSON of all chunks, joined by commas. */
export function tokensRange({ bytes, meta }: { bytes: number; meta: Record<string, string> }): ByteRange {
  const offset = 4 * (tokensCount(meta) + 1);
  return { offset, length: bytes - offset - 1 };
}
