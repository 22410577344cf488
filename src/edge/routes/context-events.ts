import { createRoute, z } from '@hono/zod-openapi';
import { JobEvent } from '../../protocol/api.ts';
import { Id } from '../../protocol/manifest.ts';
import { readerTenant } from '../auth.ts';
import { MANIFEST_POLICY, manifestRepresentation, missingContext } from '../contexts.ts';
import type { App } from '../env.ts';
import { sseMessage } from '../jobs/event-stream.ts';
import { firstOf } from '../jobs/job-of.ts';
import { blobKey } from '../keys.ts';
import { locate } from '../locate.ts';
import { addRoute, problemResponses, READER, tiersOf } from './route.ts';

/** One event as OpenAPI tools see it; `data` is the JSON of a `JobEvent`. */
const ServerSentEvent = z
  .object({
    id: z.string().optional(),
    event: z.string(),
    data: z.string().meta({
      contentMediaType: 'application/json',
      contentSchema: { $ref: '#/components/schemas/JobEvent' },
    }),
  })
  .meta({ id: 'ServerSentEvent' });
const LastEventId = z.object({
  'last-event-id': z
    .string()
    .regex(/^\d{0,12}$/, 'expected an id that an event had')
    .optional(),
});

const getEvents = createRoute({
  method: 'get',
  path: '/v1/contexts/{id}/events',
  summary: 'Progress as Server-Sent Events; ends after "published" or "failed"',
  security: READER,
  request: { params: z.object({ id: Id }), headers: LastEventId },
  responses: {
    200: {
      description: 'Events named by their type, each with a JobEvent as its data',
      content: { 'text/event-stream': { schema: ServerSentEvent } },
    },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'context-not-found',
      'context-gone',
      'rate-limited',
      'jobs-unavailable',
    ),
  },
});

export function addContextEventsRoute(app: App): void {
  app.openAPIRegistry.registerComponent(
    'schemas',
    'JobEvent',
    z.toJSONSchema(JobEvent, { io: 'input' }) as object,
  );
  addRoute(app, getEvents, async (c) => {
    const { id } = c.req.valid('param');
    const principal = c.get('principal');
    const tiers = tiersOf(c);
    const found = await locate(tiers, principal, blobKey.manifest, id, MANIFEST_POLICY);
    const manifest = found === null ? null : await tiers.head(found.key, MANIFEST_POLICY);
    if (manifest !== null) {
      manifestRepresentation(id, manifest);
      return eventStream(sseMessage({ type: 'published', id }));
    }
    const tenant = readerTenant(principal);
    const afterSeq = Number(c.req.valid('header')['last-event-id'] ?? 0);
    const events = await firstOf(c.env, tenant, id, (job) => job.events(afterSeq));
    if (events === null) throw await missingContext(c.env.REGISTRY, id, tenant);
    return eventStream(events);
  });
}

function eventStream(body: BodyInit): Response {
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
  });
}
