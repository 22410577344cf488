import { ProblemError } from '../../protocol/problems.ts';
import { readChunkMeta } from '../chunk-meta.ts';
import type { Representation } from '../http/representation.ts';
import type { BlobHead } from '../tiers/blobs.ts';

export const CHUNK_TYPE = 'application/vnd.kvedge.chunk';
/** The bytes under a chunk's id never change; `no-transform` keeps proxies from re-encoding them. */
const CACHE_CONTROL = 'public, max-age=31536000, immutable, no-transform';

export function chunkNotFound(id: string): ProblemError {
  return new ProblemError('chunk-not-found', `no chunk ${id}`);
}

export function wholeChunk(head: BlobHead): Representation {
  return {
    bytes: head.bytes,
    etag: `"${head.sha256}"`,
    sha256: head.sha256,
    contentType: CHUNK_TYPE,
    cacheControl: CACHE_CONTROL,
  };
}

/** The prefix that is a level. Throws `unknown-level`. */
export function levelOfChunk(head: BlobHead, name: string): Representation {
  const { levels } = readChunkMeta(head.meta);
  const level = levels.find((candidate) => candidate.name === name);
  if (level === undefined) {
    const names = levels.map((candidate) => candidate.name).join(', ');
    throw new ProblemError('unknown-level', `the chunk has the levels ${names}, not ${name}`);
  }
  return { ...wholeChunk(head), bytes: level.bytes, etag: `"${level.sha256}"`, sha256: level.sha256 };
}

/** A prefix by size. Its digest is known when it happens to be a level. */
export function prefixOfChunk(head: BlobHead, bytes: number): Representation {
  const level = readChunkMeta(head.meta).levels.find((candidate) => candidate.bytes === bytes);
  const etag = level === undefined ? `"${head.sha256}.${bytes}"` : `"${level.sha256}"`;
  return { ...wholeChunk(head), bytes, etag, sha256: level?.sha256 };
}
