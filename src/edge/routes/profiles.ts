import { createRoute, z } from '@hono/zod-openapi';
import { StoredProfile } from '../../protocol/api.ts';
import { Id } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { requireScope } from '../auth.ts';
import type { App } from '../env.ts';
import { announcedBytes } from '../http/body.ts';
import { checkWritePreconditions } from '../http/write-preconditions.ts';
import { blobKey } from '../keys.ts';
import { checkProfileStream } from '../profile-stream.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { putIfAbsent } from '../tiers/store.ts';
import { addRoute, BEARER, problemResponses, READER, tiersOf } from './route.ts';
import { serveStored } from './stored-object.ts';

export const PROFILE_TYPE = 'application/vnd.kvedge.profile';

const IdParam = z.object({ id: Id });

const getProfile = createRoute({
  method: 'get',
  path: '/v1/profiles/{id}',
  summary: 'The static codec tables of one model',
  security: READER,
  request: { params: IdParam },
  responses: {
    200: { description: 'The profile file', content: { [PROFILE_TYPE]: { schema: z.string() } } },
    206: { description: 'The bytes that Range names' },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'profile-not-found',
      'precondition-failed',
      'range-not-satisfiable',
      'rate-limited',
    ),
  },
});

const putProfile = createRoute({
  method: 'put',
  path: '/v1/profiles/{id}',
  summary: 'Store a profile under the SHA-256 of its bytes. Idempotent.',
  security: BEARER,
  middleware: requireScope('compute'),
  request: {
    params: IdParam,
    body: { required: true, content: { [PROFILE_TYPE]: { schema: z.string() } } },
  },
  responses: {
    200: { description: 'Already stored', content: { 'application/json': { schema: StoredProfile } } },
    201: { description: 'Stored', content: { 'application/json': { schema: StoredProfile } } },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'length-required',
      'precondition-failed',
      'too-large',
      'invalid-content',
      'invalid-profile',
    ),
  },
});

export function addProfileRoutes(app: App): void {
  addRoute(app, getProfile, (c) => {
    const { id } = c.req.valid('param');
    return serveStored(tiersOf(c), c.req.raw, {
      key: blobKey.profile(id),
      policy: IMMUTABLE,
      represent: (head) => ({
        bytes: head.bytes,
        etag: `"${head.sha256}"`,
        modifiedAtMs: head.storedAtMs,
        sha256: head.sha256,
        contentType: PROFILE_TYPE,
        cacheControl: 'public, max-age=31536000, immutable, no-transform',
      }),
      missing: () => new ProblemError('profile-not-found', `no profile ${id}`),
    });
  });

  addRoute(app, putProfile, async (c) => {
    const { id } = c.req.valid('param');
    const bytes = announcedBytes(c.req.raw, 'profileBytes');
    const body = c.req.raw.body;
    if (body === null || bytes === 0)
      throw new ProblemError('invalid-profile', 'truncated: the body is empty');
    await checkWritePreconditions(c.req.raw.headers, c.env.BLOBS, blobKey.profile(id));
    const checked = checkProfileStream(body, bytes, id);
    try {
      const { created } = await putIfAbsent(c.env.BLOBS, blobKey.profile(id), checked.stream, id, {});
      const answer: StoredProfile = { id, bytes };
      return Response.json(answer, {
        status: created ? 201 : 200,
        headers: created ? { location: `/v1/profiles/${id}` } : {},
      });
    } catch (error) {
      throw (await checked.problem()) ?? error;
    }
  });
}
