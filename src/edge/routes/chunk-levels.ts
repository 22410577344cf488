import { createRoute, z } from '@hono/zod-openapi';
import { StoredChunk } from '../../protocol/api.ts';
import { Id } from '../../protocol/manifest.ts';
import { readChunkMeta } from '../chunk-meta.ts';
import type { App } from '../env.ts';
import { blobKey } from '../keys.ts';
import { locate } from '../locate.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { chunkNotFound } from './chunk-representation.ts';
import { addRoute, problemResponses, READER, tiersOf } from './route.ts';

const getChunkLevels = createRoute({
  method: 'get',
  path: '/v1/chunks/{id}/levels',
  summary: 'The levels of a stored chunk, for manifests: an origin need not encode what another has',
  security: READER,
  request: { params: z.object({ id: Id }) },
  responses: {
    200: {
      description: 'The levels of the stored object',
      content: { 'application/json': { schema: StoredChunk } },
    },
    ...problemResponses('bad-request', 'unauthorized', 'forbidden', 'chunk-not-found', 'rate-limited'),
  },
});

export function addChunkLevelsRoute(app: App): void {
  addRoute(app, getChunkLevels, async (c) => {
    const { id } = c.req.valid('param');
    const tiers = tiersOf(c);
    const found = await locate(tiers, c.get('principal'), blobKey.chunk, id, IMMUTABLE);
    // Origins build on the answer, so it is about the store: a cache may hold what was removed from it.
    const object = found === null ? null : await c.env.BLOBS.head(found.key);
    if (object === null) throw chunkNotFound(id);
    const { levels, signature } = readChunkMeta(object.customMetadata ?? {});
    const body: StoredChunk = { id, levels, ...(signature === undefined ? {} : { signature }) };
    return Response.json(body);
  });
}
