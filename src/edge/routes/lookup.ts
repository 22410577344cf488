import { createRoute } from '@hono/zod-openapi';
import { ZERO_ID } from '../../protocol/ids.ts';
import { LookupRequest, LookupResult, ModelList } from '../../protocol/registry.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import { readerTenant } from '../auth.ts';
import type { App } from '../env.ts';
import { jsonBody } from '../http/body.ts';
import { ownedBy } from '../locate.ts';
import { type LookupScope, lookup } from '../lookup.ts';
import { servedModels } from '../registry/prefixes.ts';
import { tenantSalt } from '../tenant-salt.ts';
import { addRoute, problemResponses, READER } from './route.ts';

const postLookup = createRoute({
  method: 'post',
  path: '/v1/lookup',
  summary: 'The longest prefix of a token sequence whose chunks are published',
  security: READER,
  middleware: jsonBody,
  request: { body: { required: true, content: { 'application/json': { schema: LookupRequest } } } },
  responses: {
    200: {
      description: 'Its chunks in order; none if nothing is published',
      content: { 'application/json': { schema: LookupResult } },
    },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'too-large',
      'context-too-large',
      'unsupported-media-type',
      'rate-limited',
    ),
  },
});

const getModels = createRoute({
  method: 'get',
  path: '/v1/models',
  summary: 'The models, with codec and profile, of which contexts are published here',
  security: READER,
  responses: {
    200: { description: 'All of them', content: { 'application/json': { schema: ModelList } } },
    ...problemResponses('unauthorized', 'forbidden', 'rate-limited'),
  },
});

export function addLookupRoutes(app: App): void {
  addRoute(app, postLookup, async (c) => {
    const scopes: LookupScope[] = [{ tenant: PUBLIC, tenantSalt: ZERO_ID }];
    const tenant = readerTenant(c.get('principal'));
    if (tenant !== PUBLIC) scopes.push({ tenant, tenantSalt: await tenantSalt(c.env, tenant) });
    return Response.json(await lookup(c.env.REGISTRY, c.req.valid('json'), scopes));
  });

  addRoute(app, getModels, async (c) => {
    const tenant = readerTenant(c.get('principal'));
    const body: ModelList = { models: await servedModels(c.env.REGISTRY, tenant) };
    return ownedBy(tenant, Response.json(body, { headers: { 'cache-control': 'public, max-age=60' } }));
  });
}
