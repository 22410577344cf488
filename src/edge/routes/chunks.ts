import { createRoute, z } from '@hono/zod-openapi';
import type { ChunkInfo, ChunkLevel } from '../../codec/codec.ts';
import { CodecError } from '../../codec/errors.ts';
import { StoredChunk } from '../../protocol/api.ts';
import { Id } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { requireScope } from '../auth.ts';
import { prefixWithin } from '../budget.ts';
import { type ChunkMeta, chunkMeta, differingField, readChunkMeta, writeChunkMeta } from '../chunk-meta.ts';
import { edgeCodec } from '../codec.ts';
import type { App } from '../env.ts';
import { announcedBytes } from '../http/body.ts';
import { ServerTiming } from '../http/server-timing.ts';
import { checkWritePreconditions } from '../http/write-preconditions.ts';
import { blobKey } from '../keys.ts';
import type { BlobTiers } from '../tiers/blobs.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { digestHex, putIfAbsent } from '../tiers/store.ts';
import { serveLayers } from './chunk-layers.ts';
import { ChunkQuery } from './chunk-query.ts';
import {
  CHUNK_TYPE,
  chunkNotFound,
  levelByDeadline,
  levelOfChunk,
  prefixOfChunk,
  wholeChunk,
} from './chunk-representation.ts';
import { addRoute, BEARER, problemResponses, tiersOf } from './route.ts';
import { serveStored } from './stored-object.ts';

const IdParam = z.object({ id: Id });

const getChunk = createRoute({
  method: 'get',
  path: '/v1/chunks/{id}',
  summary: 'A chunk object, or a cut of it. HEAD and single byte ranges work on every form.',
  request: { params: IdParam, query: ChunkQuery },
  responses: {
    200: { description: 'The object or the cut', content: { [CHUNK_TYPE]: { schema: z.string() } } },
    206: { description: 'The bytes that Range names' },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'chunk-not-found',
      'profile-not-found',
      'precondition-failed',
      'range-not-satisfiable',
      'unknown-level',
      'budget-too-small',
    ),
  },
});

const putChunk = createRoute({
  method: 'put',
  path: '/v1/chunks/{id}',
  summary: 'Store a chunk object. Idempotent: the first valid object under an id stays.',
  security: BEARER,
  middleware: requireScope('publish'),
  request: {
    params: IdParam,
    body: { required: true, content: { [CHUNK_TYPE]: { schema: z.string() } } },
  },
  responses: {
    200: {
      description: 'Already stored; the levels are those of the stored object',
      content: { 'application/json': { schema: StoredChunk } },
    },
    201: { description: 'Stored', content: { 'application/json': { schema: StoredChunk } } },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'conflict',
      'precondition-failed',
      'length-required',
      'too-large',
      'invalid-content',
      'invalid-chunk',
    ),
  },
});

export function addChunkRoutes(app: App): void {
  addRoute(app, getChunk, (c) => {
    const { id } = c.req.valid('param');
    const { level, maxBytes, layers, deadlineMs, mbitPerSecond } = c.req.valid('query');
    const tiers = tiersOf(c);
    if (layers !== undefined) return serveLayers(tiers, c.req.raw, id, layers);
    if (maxBytes !== undefined) return serveBudget(tiers, c.req.raw, id, maxBytes);
    return serveStored(tiers, c.req.raw, {
      key: blobKey.chunk(id),
      policy: IMMUTABLE,
      represent: (head) => {
        if (level !== undefined) return levelOfChunk(head, level);
        if (deadlineMs === undefined || mbitPerSecond === undefined) return wholeChunk(head);
        return levelByDeadline(id, head, { deadlineMs, mbitPerSecond });
      },
      missing: () => chunkNotFound(id),
    });
  });

  addRoute(app, putChunk, async (c) => {
    const { id } = c.req.valid('param');
    announcedBytes(c.req.raw, 'chunkBytes');
    const bytes = new Uint8Array(await c.req.raw.arrayBuffer());
    const timing = new ServerTiming();
    const info = timing.measure('validate', () => validate(bytes));
    if (info.chunkId !== id) {
      throw new ProblemError('invalid-content', `the header says chunkId ${info.chunkId}, the path ${id}`);
    }
    const digests = await timing.measure('digest', () => levelDigests(bytes, info.levels));
    const sent = chunkMeta(info, digests);
    await checkWritePreconditions(c.req.raw.headers, c.env.BLOBS, blobKey.chunk(id));
    const { created, head } = await putIfAbsent(
      c.env.BLOBS,
      blobKey.chunk(id),
      bytes,
      sent.levels.at(-1)!.sha256,
      writeChunkMeta(sent),
    );
    // Caches may still hold an object that was removed from the store before.
    if (created) await tiersOf(c).evict(blobKey.chunk(id));
    const stored = readChunkMeta(head.meta);
    const differs = differingField(stored, sent);
    if (differs !== undefined) {
      throw new ProblemError('conflict', `the stored chunk ${id} has another ${differs} in its header`);
    }
    const body: StoredChunk = { id, levels: stored.levels };
    const headers: Record<string, string> = created ? { location: `/v1/chunks/${id}` } : {};
    timing.set(headers);
    return Response.json(body, { status: created ? 201 : 200, headers });
  });
}

async function serveBudget(
  tiers: BlobTiers,
  request: Request,
  id: string,
  maxBytes: number,
): Promise<Response> {
  const key = blobKey.chunk(id);
  const head = await tiers.head(key, IMMUTABLE);
  if (head === null) throw chunkNotFound(id);
  const info = await readHeader(tiers, key, readChunkMeta(head.meta));
  const bytes = info === null ? null : prefixWithin(info, maxBytes);
  if (info === null) throw chunkNotFound(id);
  if (bytes === null) {
    const least = info.headerBytes + info.preludeBytes;
    throw new ProblemError('budget-too-small', `maxBytes is ${maxBytes}, the least is ${least}`);
  }
  return serveStored(tiers, request, {
    key,
    policy: IMMUTABLE,
    represent: (current) => prefixOfChunk(current, bytes),
    missing: () => chunkNotFound(id),
  });
}

/** Reads the header of a stored chunk, and no more of it. */
async function readHeader(tiers: BlobTiers, key: string, meta: ChunkMeta): Promise<ChunkInfo | null> {
  const opened = await tiers.open(key, IMMUTABLE, () => ({ offset: 0, length: meta.headerBytes }));
  if (opened === null) return null;
  const header = new Uint8Array(await new Response(opened.body).arrayBuffer());
  return edgeCodec().inspectChunk(header);
}

/** Header, directory and every CRC, by the codec; and no subset, which is a cut and not a chunk. */
function validate(bytes: Uint8Array): ChunkInfo {
  if (bytes.length === 0) throw new ProblemError('invalid-chunk', 'truncated: the body is empty');
  try {
    const info = edgeCodec().validateChunk(bytes);
    if (info.subset)
      throw new ProblemError('invalid-chunk', 'unsupported: the object is a subset of a chunk');
    return info;
  } catch (error) {
    // A codec that broke says nothing about the chunk.
    if (!(error instanceof CodecError) || error.code === 'backend-unavailable') throw error;
    throw new ProblemError('invalid-chunk', `${error.code}: ${error.message}`);
  }
}

/** SHA-256 of the prefix of every level, in their order. */
function levelDigests(bytes: Uint8Array<ArrayBuffer>, levels: readonly ChunkLevel[]): Promise<string[]> {
  return Promise.all(levels.map((level) => digestHex(bytes.subarray(0, level.endOffset))));
}
