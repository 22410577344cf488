import { createRoute, z } from '@hono/zod-openapi';
import { JobStatus, PublishManifest, PublishRequest } from '../../protocol/api.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { Id, Manifest } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { requireScope } from '../auth.ts';
import { MANIFEST_POLICY, manifestRepresentation } from '../contexts.ts';
import type { App } from '../env.ts';
import { jsonBody } from '../http/body.ts';
import { checkWritePreconditions } from '../http/write-preconditions.ts';
import { blobKey } from '../keys.ts';
import { jobFailure, Origin } from '../origin.ts';
import { publish } from '../publish.ts';
import type { BlobTiers } from '../tiers/blobs.ts';
import { FROM_ORIGIN, setTierHeaders } from '../tiers/outcome.ts';
import { addRoute, BEARER, problemResponses, tiersOf } from './route.ts';
import { serveIfStored } from './stored-object.ts';

const POLL_SECONDS = 1;

const IdParam = z.object({ id: Id });
const json = <S extends z.ZodType>(schema: S) => ({ 'application/json': { schema } });

const postContext = createRoute({
  method: 'post',
  path: '/v1/contexts',
  summary: 'Publish a context. Idempotent by content.',
  security: BEARER,
  middleware: [requireScope('publish'), jsonBody] as const,
  request: { body: { required: true, content: json(PublishRequest) } },
  responses: {
    201: { description: 'Published; Location names it', content: json(Manifest) },
    202: { description: 'Being computed; ask Location again', content: json(JobStatus) },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'model-unknown',
      'too-large',
      'context-too-large',
      'unsupported-media-type',
      'engine-failed',
      'profile-missing',
      'origin-failed',
      'origin-unreachable',
    ),
  },
});

const getContext = createRoute({
  method: 'get',
  path: '/v1/contexts/{id}',
  summary: "A context's manifest, or the state of its computation",
  request: { params: IdParam },
  responses: {
    200: { description: 'The manifest', content: json(Manifest) },
    202: { description: 'Not published yet', content: json(JobStatus) },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'context-not-found',
      'context-gone',
      'precondition-failed',
      'range-not-satisfiable',
      'engine-failed',
      'origin-failed',
      'origin-unreachable',
    ),
  },
});

const putContext = createRoute({
  method: 'put',
  path: '/v1/contexts/{id}',
  summary: 'The origin publishes a context, after its profile and its chunks. Idempotent.',
  security: BEARER,
  middleware: [requireScope('publish'), jsonBody] as const,
  request: { params: IdParam, body: { required: true, content: json(PublishManifest) } },
  responses: {
    200: { description: 'Was published already; the stored manifest', content: json(Manifest) },
    201: { description: 'Published', content: json(Manifest) },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'payload-missing',
      'precondition-failed',
      'too-large',
      'context-too-large',
      'unsupported-media-type',
      'invalid-content',
    ),
  },
});

export function addContextRoutes(app: App): void {
  addRoute(app, postContext, async (c) => {
    const body = c.req.valid('json');
    const textBytes = body.text === undefined ? 0 : new TextEncoder().encode(body.text).length;
    if (textBytes > LIMITS.textBytes) {
      throw new ProblemError(
        'too-large',
        `"text" has ${textBytes} bytes, textBytes allows ${LIMITS.textBytes}`,
      );
    }
    const status = await new Origin(c.env, c.get('requestId')).submit(body);
    const location = `/v1/contexts/${status.id}`;
    const stored = await storedManifest(tiersOf(c), status.id);
    if (stored !== null) {
      return new Response(stored, {
        status: 201,
        headers: { location, 'content-type': 'application/json', 'cache-control': 'no-store' },
      });
    }
    return pending(status, location);
  });

  addRoute(app, getContext, async (c) => {
    const { id } = c.req.valid('param');
    const tiers = tiersOf(c);
    const serve = () => serveManifest(tiers, c.req.raw, id);
    const stored = await serve();
    if (stored !== null) return stored;

    c.set('tierOutcome', FROM_ORIGIN);
    const status = await new Origin(c.env, c.get('requestId')).status(id);
    if (status === null) throw new ProblemError('context-not-found', `no context ${id}`);
    if (status.state === 'failed') throw jobFailure(status);
    if (status.state !== 'published') {
      const cacheHeaders: Record<string, string> = {};
      setTierHeaders(cacheHeaders, FROM_ORIGIN);
      return pending(status, `/v1/contexts/${id}`, cacheHeaders);
    }
    // It was published between the two questions, or the store has lost it since.
    const published = await serve();
    if (published !== null) return published;
    throw new ProblemError('context-not-found', `context ${id} was published, but is no longer stored`);
  });

  addRoute(app, putContext, async (c) => {
    const { id } = c.req.valid('param');
    await checkWritePreconditions(c.req.raw.headers, c.env.BLOBS, blobKey.manifest(id));
    const { manifest, created } = await publish(c.env.BLOBS, id, c.req.valid('json'));
    await tiersOf(c).evict(blobKey.manifest(id));
    return new Response(manifest, {
      status: created ? 201 : 200,
      headers: { 'content-type': 'application/json', ...(created ? { location: `/v1/contexts/${id}` } : {}) },
    });
  });
}

function serveManifest(tiers: BlobTiers, request: Request, id: string): Promise<Response | null> {
  return serveIfStored(tiers, request, {
    key: blobKey.manifest(id),
    policy: MANIFEST_POLICY,
    represent: (head) => manifestRepresentation(id, head),
  });
}

/** The bytes of a manifest that is stored and has not expired, else null. */
async function storedManifest(tiers: BlobTiers, id: string): Promise<ReadableStream | null> {
  try {
    const response = await serveManifest(tiers, new Request(`https://edge/v1/contexts/${id}`), id);
    return response?.body ?? null;
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'context-gone') return null;
    throw error;
  }
}

function pending(status: JobStatus, location: string, headers: Record<string, string> = {}): Response {
  return Response.json(status, {
    status: 202,
    headers: { ...headers, location, 'retry-after': String(POLL_SECONDS), 'cache-control': 'no-store' },
  });
}
