import { createRoute } from '@hono/zod-openapi';
import { PurgeRequest, PurgeResult } from '../../protocol/registry.ts';
import { requireScope } from '../auth.ts';
import type { App } from '../env.ts';
import { jsonBody } from '../http/body.ts';
import { purge } from '../purge.ts';
import { addRoute, BEARER, problemResponses, tiersOf } from './route.ts';

const postPurge = createRoute({
  method: 'post',
  path: '/v1/purge',
  summary: 'Remove contexts by model, profile, tenant, age or id, or tell which would go',
  security: BEARER,
  middleware: [requireScope('admin'), jsonBody] as const,
  request: { body: { required: true, content: { 'application/json': { schema: PurgeRequest } } } },
  responses: {
    200: {
      description: 'What went, or would go; ask again with the cursor until it is null',
      content: { 'application/json': { schema: PurgeResult } },
    },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'too-large',
      'unsupported-media-type',
      'rate-limited',
      'registry-busy',
    ),
  },
});

export function addPurgeRoute(app: App): void {
  addRoute(app, postPurge, async (c) => {
    const tiers = tiersOf(c);
    const result = await purge(c.env, c.req.valid('json'), (key) => tiers.evict(key));
    return Response.json(result);
  });
}
