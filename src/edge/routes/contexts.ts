import { createRoute, z } from '@hono/zod-openapi';
import { type JobRequest, JobStatus, PublishManifest, PublishRequest } from '../../protocol/api.ts';
import { ZERO_ID } from '../../protocol/ids.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { Id, Manifest } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import { publishingTenant, readerTenant, requireScope } from '../auth.ts';
import { expiresAtMs, MANIFEST_POLICY, manifestRepresentation, missingContext } from '../contexts.ts';
import type { App, Env } from '../env.ts';
import { jsonBody } from '../http/body.ts';
import { waitPreferenceMs } from '../http/prefer.ts';
import { checkWritePreconditions } from '../http/write-preconditions.ts';
import { jobFailure, requestFailure } from '../jobs/job-failure.ts';
import { jobId } from '../jobs/job-key.ts';
import { askJob, firstOf } from '../jobs/job-of.ts';
import type { JobSubmission } from '../jobs/job-record.ts';
import { blobKey } from '../keys.ts';
import { type Located, locate, ownedBy } from '../locate.ts';
import { publish } from '../publish.ts';
import { checkQuota, quotaOf } from '../quota.ts';
import { limitPublishes } from '../rate-limit.ts';
import type { Reading } from '../reading.ts';
import { storedUsage } from '../stored-usage.ts';
import { tenantSalt } from '../tenant-salt.ts';
import type { BlobTiers } from '../tiers/blobs.ts';
import { storedHead } from '../tiers/head.ts';
import { FROM_ORIGIN, setTierHeaders } from '../tiers/outcome.ts';
import { addRoute, BEARER, problemResponses, READER, readingOf, tiersOf } from './route.ts';
import { serveIfStored } from './stored-object.ts';

const POLL_SECONDS = 1;

const IdParam = z.object({ id: Id });
const PreferHeader = z.object({
  prefer: z.string().optional().meta({
    description:
      '`wait=<seconds>` (RFC 7240): wait up to 60 s for the result instead of answering 202 at once',
  }),
});
const json = <S extends z.ZodType>(schema: S) => ({ 'application/json': { schema } });

const postContext = createRoute({
  method: 'post',
  path: '/v1/contexts',
  summary: 'Publish a context. Idempotent by content.',
  security: BEARER,
  middleware: [requireScope('publish'), limitPublishes, jsonBody] as const,
  request: { headers: PreferHeader, body: { required: true, content: json(PublishRequest) } },
  responses: {
    201: { description: 'Published; Location names it', content: json(Manifest) },
    202: { description: 'Being computed; ask Location again', content: json(JobStatus) },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'quota-exceeded',
      'model-unknown',
      'too-large',
      'context-too-large',
      'unsupported-media-type',
      'invalid-content',
      'rate-limited',
      'engine-failed',
      'profile-missing',
      'origin-failed',
      'origin-lost',
      'origin-unreachable',
      'job-undeliverable',
      'jobs-unavailable',
    ),
  },
});

const getContext = createRoute({
  method: 'get',
  path: '/v1/contexts/{id}',
  summary: "A context's manifest, or the state of its computation",
  security: READER,
  request: { params: IdParam, headers: PreferHeader },
  responses: {
    200: { description: 'The manifest', content: json(Manifest) },
    202: { description: 'Not published yet', content: json(JobStatus) },
    303: { description: 'The id is that of a job; Location names the context that it published' },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'context-not-found',
      'context-gone',
      'precondition-failed',
      'range-not-satisfiable',
      'rate-limited',
      'engine-failed',
      'profile-missing',
      'origin-failed',
      'origin-lost',
      'origin-unreachable',
      'job-undeliverable',
      'jobs-unavailable',
    ),
  },
});

const putContext = createRoute({
  method: 'put',
  path: '/v1/contexts/{id}',
  summary: 'The origin publishes a context, after its profile and its chunks. Idempotent.',
  security: BEARER,
  middleware: [requireScope('compute'), jsonBody] as const,
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
      'registry-busy',
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
    const tenant = body.visibility === 'private' ? c.get('principal')!.tenant : PUBLIC;
    const owner = tenant === PUBLIC ? {} : await ownerOf(c.env, tenant);
    const key = { tenant, job: await jobId(body, tenant) };
    const waitMs = waitPreferenceMs(c.req.header('prefer'));
    const requester = c.get('principal')!.tenant;
    const submit = (publishedIsGone: boolean) =>
      askJob(c.env, key, (job) =>
        job.submit(...jobSubmission({ ...key, requester }, { ...body, ...owner }), publishedIsGone),
      );
    const published = async (status: JobStatus) =>
      status.state === 'published' && status.contextId !== null
        ? createdManifest(c.env.BLOBS, status.contextId, tenant)
        : null;

    let status = await submit(false);
    const known = await published(status);
    if (known !== null) return known;
    if (status.state === 'published') status = await submit(true);
    if (waitMs > 0) status = (await askJob(c.env, key, (job) => job.status(waitMs))) ?? status;
    if (status.state === 'failed') throw requestFailure(status);
    return (await published(status)) ?? pending(status);
  });

  addRoute(app, getContext, (c) => readContext(readingOf(c), c.req.valid('param').id));

  addRoute(app, putContext, async (c) => {
    const { id } = c.req.valid('param');
    const tenant = publishingTenant(c);
    const salt = tenant === PUBLIC ? ZERO_ID : await tenantSalt(c.env, tenant);
    await checkWritePreconditions(c.req.raw.headers, c.env.BLOBS, blobKey.manifest(id, tenant));
    const { manifest, created } = await publish(c.env, id, c.req.valid('json'), { tenant, salt });
    await tiersOf(c).evict(blobKey.manifest(id, tenant));
    return new Response(manifest, {
      status: created ? 201 : 200,
      headers: { 'content-type': 'application/json', ...(created ? { location: `/v1/contexts/${id}` } : {}) },
    });
  });
}

/** Answers a GET or HEAD of a context: its manifest, or what became of its job. */
export async function readContext(reading: Reading, id: string): Promise<Response> {
  const { env, principal, request, tiers } = reading;
  const serve = async () => {
    const found = await locate(tiers, principal, blobKey.manifest, id, MANIFEST_POLICY);
    return found === null ? null : serveManifest(tiers, request, id, found);
  };
  const stored = await serve();
  if (stored !== null) return stored;

  reading.setOutcome(FROM_ORIGIN);
  const tenant = readerTenant(principal);
  const waitMs = waitPreferenceMs(request.headers.get('prefer') ?? undefined);
  const status = await firstOf(env, tenant, id, (job) => job.status(waitMs));
  if (status === null) throw await missingContext(env.REGISTRY, id, tenant);
  if (status.state === 'failed') throw jobFailure(status);
  if (status.state !== 'published') {
    const cacheHeaders: Record<string, string> = {};
    setTierHeaders(cacheHeaders, FROM_ORIGIN);
    return pending(status, cacheHeaders);
  }
  if (status.contextId !== null && status.contextId !== id) return seeOther(status.contextId);
  // It was published between the two questions, or the store has lost it since.
  const published = await serve();
  if (published !== null) return published;
  throw await missingContext(env.REGISTRY, id, tenant);
}

async function serveManifest(
  tiers: BlobTiers,
  request: Request,
  id: string,
  { key, tenant }: Located,
): Promise<Response | null> {
  const response = await serveIfStored(tiers, request, {
    key,
    policy: MANIFEST_POLICY,
    represent: (head) => manifestRepresentation(id, head),
  });
  return response === null ? null : ownedBy(tenant, response);
}

/** What a publish request gets whose context is in the store, whatever caches hold, and has not expired; else null. */
async function createdManifest(bucket: R2Bucket, id: string, tenant: string): Promise<Response | null> {
  const object = await bucket.get(blobKey.manifest(id, tenant));
  if (object === null) return null;
  if (expiresAtMs(storedHead(object)) < Date.now()) {
    await object.body.cancel();
    return null;
  }
  return new Response(object.body, {
    status: 201,
    headers: {
      location: `/v1/contexts/${id}`,
      'content-type': 'application/json',
      'cache-control': 'no-store',
    },
  });
}

/** The job's key facts, and what origins get to see as JSON: a fresh stream each time. */
function jobSubmission(
  { job: id, tenant, requester }: { job: string; tenant: string; requester: string },
  body: JobRequest,
): [JobSubmission, ReadableStream] {
  const { model, ttlSeconds } = body;
  const expiresAtMs = ttlSeconds === undefined ? null : Date.now() + 1000 * ttlSeconds;
  const payload = new Response(JSON.stringify(body)).body as ReadableStream;
  return [{ id, tenant, model, expiresAtMs, requester }, payload];
}

/** For whom the origin computes a private context. Throws `quota-exceeded` if the tenant may store no more. */
async function ownerOf(env: Env, tenant: string): Promise<Pick<JobRequest, 'tenant'>> {
  const quota = quotaOf(env.KVEDGE_QUOTAS, tenant);
  if (Object.keys(quota).length > 0) checkQuota(quota, await storedUsage(env.BLOBS, tenant));
  return { tenant: { name: tenant, salt: await tenantSalt(env, tenant) } };
}

function pending(status: JobStatus, headers: Record<string, string> = {}): Response {
  return Response.json(status, {
    status: 202,
    headers: {
      ...headers,
      location: `/v1/contexts/${status.id}`,
      'retry-after': String(POLL_SECONDS),
      'cache-control': 'no-store',
    },
  });
}

function seeOther(id: string): Response {
  return new Response(null, {
    status: 303,
    headers: { location: `/v1/contexts/${id}`, 'cache-control': 'no-store' },
  });
}
