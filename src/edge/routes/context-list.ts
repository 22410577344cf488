import { createRoute, z } from '@hono/zod-openapi';
import { ContextList } from '../../protocol/api.ts';
import { Id } from '../../protocol/manifest.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import { listedSummary } from '../context-summary.ts';
import type { App } from '../env.ts';
import { blobKey, MANIFEST_NAME } from '../keys.ts';
import { addRoute, problemResponses, READER } from './route.ts';

/** Manifest and tokens. */
const OBJECTS_PER_CONTEXT = 2;
const PREFIX = 'contexts/';

const getContexts = createRoute({
  method: 'get',
  path: '/v1/contexts',
  summary: 'Published public contexts, a page at a time, in the order of their ids',
  security: READER,
  request: {
    query: z.strictObject({
      limit: z
        .string()
        .regex(/^([1-9]\d?|[1-4]\d\d|500)$/, 'expected a number from 1 to 500')
        .default('50')
        .transform(Number),
      cursor: Id.optional(),
    }),
  },
  responses: {
    200: { description: 'A page', content: { 'application/json': { schema: ContextList } } },
    ...problemResponses('bad-request', 'unauthorized', 'forbidden', 'rate-limited'),
  },
});

export function addContextListRoute(app: App): void {
  addRoute(app, getContexts, async (c) => {
    const { limit, cursor } = c.req.valid('query');
    const listed = await c.env.BLOBS.list({
      prefix: PREFIX,
      limit: Math.min(1_000, OBJECTS_PER_CONTEXT * limit),
      include: ['customMetadata'],
      ...(cursor === undefined ? {} : { startAfter: blobKey.tokens(cursor, PUBLIC) }),
    });
    const nowMs = Date.now();
    const contexts = listed.objects.flatMap(({ key, customMetadata }) => {
      const summary = key.endsWith(MANIFEST_NAME) ? listedSummary(customMetadata ?? {}, nowMs) : null;
      return summary === null ? [] : [summary];
    });
    const last = listed.objects.at(-1)?.key.split('/')[1];
    const body: ContextList = { contexts, cursor: listed.truncated ? (last ?? null) : null };
    return Response.json(body, { headers: { 'cache-control': 'public, max-age=10' } });
  });
}
