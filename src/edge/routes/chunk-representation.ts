import { ProblemError } from '../../protocol/problems.ts';
import { type ChunkMeta, readChunkMeta } from '../chunk-meta.ts';
import { type DeadlineHint, levelBefore } from '../deadline.ts';
import type { Representation } from '../http/representation.ts';
import type { BlobHead } from '../tiers/head.ts';

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
    modifiedAtMs: head.storedAtMs,
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
  return prefix(head, level);
}

/** The level that a client with this link gets before its deadline; `Content-Location` says which. */
export function levelByDeadline(id: string, head: BlobHead, hint: DeadlineHint): Representation {
  const level = levelBefore(readChunkMeta(head.meta).levels, hint);
  return { ...prefix(head, level), contentLocation: `/v1/chunks/${id}?level=${level.name}` };
}

/** A prefix by size. Its digest is known when it happens to be a level. */
export function prefixOfChunk(head: BlobHead, bytes: number): Representation {
  const level = readChunkMeta(head.meta).levels.find((candidate) => candidate.bytes === bytes);
  if (level !== undefined) return prefix(head, level);
  return { ...wholeChunk(head), bytes, etag: `"${head.sha256}.${bytes}"`, sha256: undefined };
}

function prefix(head: BlobHead, level: ChunkMeta['levels'][number]): Representation {
  return { ...wholeChunk(head), bytes: level.bytes, etag: `"${level.sha256}"`, sha256: level.sha256 };
}
