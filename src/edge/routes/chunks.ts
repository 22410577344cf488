import { createRoute, z } from '@hono/zod-openapi';
import type { ChunkInfo } from '../../codec/codec.ts';
import { CodecError } from '../../codec/errors.ts';
import { LEVELS_SIGNATURE_HEADER, StoredChunk } from '../../protocol/api.ts';
import { Id, Signature } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { areLevelsSigned } from '../../protocol/signature.ts';
import { publishingTenant, requireScope } from '../auth.ts';
import { prefixWithin } from '../budget.ts';
import { type ChunkMeta, chunkMeta, differingField, readChunkMeta, writeChunkMeta } from '../chunk-meta.ts';
import { edgeCodec } from '../codec.ts';
import type { App } from '../env.ts';
import { announcedBytes } from '../http/body.ts';
import { ServerTiming } from '../http/server-timing.ts';
import { checkWritePreconditions } from '../http/write-preconditions.ts';
import { blobKey } from '../keys.ts';
import { locate, ownedBy } from '../locate.ts';
import { prefixDigests } from '../prefix-digests.ts';
import type { Reading } from '../reading.ts';
import { holdChunk } from '../registry/publication.ts';
import { registryBusy } from '../removal.ts';
import type { BlobTiers } from '../tiers/blobs.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { putIfAbsent } from '../tiers/store.ts';
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
import { addRoute, BEARER, problemResponses, READER, readingOf, tiersOf } from './route.ts';
import { serveStored } from './stored-object.ts';

const IdParam = z.object({ id: Id });

const getChunk = createRoute({
  method: 'get',
  path: '/v1/chunks/{id}',
  summary: 'A chunk object, or a cut of it. HEAD and single byte ranges work on every form.',
  security: READER,
  request: { params: IdParam, query: ChunkQuery },
  responses: {
    200: { description: 'The object or the cut', content: { [CHUNK_TYPE]: { schema: z.string() } } },
    206: { description: 'The bytes that Range names' },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'chunk-not-found',
      'profile-not-found',
      'precondition-failed',
      'range-not-satisfiable',
      'unknown-level',
      'budget-too-small',
      'cut-too-large',
      'rate-limited',
      'cuts-busy',
    ),
  },
});

const putChunk = createRoute({
  method: 'put',
  path: '/v1/chunks/{id}',
  summary: 'Store a chunk object. Idempotent: the first valid object under an id stays.',
  security: BEARER,
  middleware: requireScope('compute'),
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
      'registry-busy',
    ),
  },
});

export function addChunkRoutes(app: App): void {
  addRoute(app, getChunk, (c) => readChunk(readingOf(c), c.req.valid('param').id, c.req.valid('query')));

  addRoute(app, putChunk, async (c) => {
    const { id } = c.req.valid('param');
    announcedBytes(c.req.raw, 'chunkBytes');
    const bytes = new Uint8Array(await c.req.raw.arrayBuffer());
    const timing = new ServerTiming();
    const info = timing.measure('validate', () => validate(bytes));
    if (info.chunkId !== id) {
      throw new ProblemError('invalid-content', `the header says chunkId ${info.chunkId}, the path ${id}`);
    }
    const signature = levelsSignature(c.req.header(LEVELS_SIGNATURE_HEADER));
    const digests = timing.measure('digest', () =>
      prefixDigests(
        bytes,
        info.levels.map(({ endOffset }) => endOffset),
      ),
    );
    const sent = chunkMeta(info, digests, signature);
    if (signature !== undefined && !(await areLevelsSigned(signature, id, sent.levels))) {
      throw new ProblemError('invalid-content', `${LEVELS_SIGNATURE_HEADER} does not sign these levels`);
    }
    const tenant = publishingTenant(c);
    // The hold comes before the look into the bucket, so that no sweep takes away what is found there.
    if (!(await holdChunk(c.env.REGISTRY, id, tenant))) throw registryBusy(`chunk ${id}`);
    const key = blobKey.chunk(id, tenant);
    await checkWritePreconditions(c.req.raw.headers, c.env.BLOBS, key);
    const { created, head } = await putIfAbsent(
      c.env.BLOBS,
      key,
      bytes,
      sent.levels.at(-1)!.sha256,
      writeChunkMeta(sent),
    );
    // Caches may still hold an object that was removed from the store before.
    if (created) await tiersOf(c).evict(key);
    const stored = readChunkMeta(head.meta);
    const differs = differingField(stored, sent);
    if (differs !== undefined) {
      throw new ProblemError('conflict', `the stored chunk ${id} has another ${differs} in its header`);
    }
    // The same bytes from a publisher with another key, or the first with any: it answers for them from now on.
    const resigned = !created && signature !== undefined && head.sha256 === sent.levels.at(-1)!.sha256;
    if (resigned && stored.signature?.publicKey !== signature.publicKey) {
      await c.env.BLOBS.put(key, bytes, { sha256: head.sha256, customMetadata: writeChunkMeta(sent) });
      await tiersOf(c).evict(key);
      stored.signature = signature;
    }
    const body: StoredChunk = {
      id,
      levels: stored.levels,
      ...(stored.signature === undefined ? {} : { signature: stored.signature }),
    };
    const headers: Record<string, string> = created ? { location: `/v1/chunks/${id}` } : {};
    timing.set(headers);
    return Response.json(body, { status: created ? 201 : 200, headers });
  });
}

/** Answers a GET or HEAD of a chunk. */
export async function readChunk(
  { tiers, request, principal }: Reading,
  id: string,
  query: z.output<typeof ChunkQuery>,
): Promise<Response> {
  const found = await locate(tiers, principal, blobKey.chunk, id, IMMUTABLE);
  if (found === null) throw chunkNotFound(id);
  return ownedBy(found.tenant, await serveChunk(tiers, request, id, found.key, query));
}

function serveChunk(
  tiers: BlobTiers,
  request: Request,
  id: string,
  key: string,
  { level, maxBytes, layers, deadlineMs, mbitPerSecond }: z.output<typeof ChunkQuery>,
): Promise<Response> {
  if (layers !== undefined) return serveLayers(tiers, request, id, key, layers);
  if (maxBytes !== undefined) return serveBudget(tiers, request, id, key, maxBytes);
  return serveStored(tiers, request, {
    key,
    policy: IMMUTABLE,
    represent: (head) => {
      if (level !== undefined) return levelOfChunk(head, level);
      if (deadlineMs === undefined || mbitPerSecond === undefined) return wholeChunk(head);
      return levelByDeadline(id, head, { deadlineMs, mbitPerSecond });
    },
    missing: () => chunkNotFound(id),
  });
}

async function serveBudget(
  tiers: BlobTiers,
  request: Request,
  id: string,
  key: string,
  maxBytes: number,
): Promise<Response> {
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

function levelsSignature(header: string | undefined): Signature | undefined {
  if (header === undefined) return undefined;
  const [publicKey, value] = header.split('.');
  const parsed = Signature.safeParse({ publicKey, value });
  if (parsed.success) return parsed.data;
  throw new ProblemError('bad-request', `${LEVELS_SIGNATURE_HEADER}: expected "<publicKey>.<value>"`);
}
