import { createRoute, z } from '@hono/zod-openapi';
import { Id } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { PUBLIC } from '../../protocol/tenant.ts';
import { requireScope } from '../auth.ts';
import { missingContext } from '../contexts.ts';
import type { App } from '../env.ts';
import { isOwnContext, isRegistered } from '../registry/contexts.ts';
import { adoptContext, registryBusy, removeContext } from '../removal.ts';
import { addRoute, BEARER, problemResponses, tiersOf } from './route.ts';

const deleteContext = createRoute({
  method: 'delete',
  path: '/v1/contexts/{id}',
  summary: 'Remove a context, and the chunks that no other context refers to. Idempotent.',
  security: BEARER,
  middleware: requireScope('admin', 'publish'),
  request: { params: z.object({ id: Id }) },
  responses: {
    204: { description: 'It is gone, now or since before' },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'context-not-found',
      'rate-limited',
      'registry-busy',
    ),
  },
});

export function addContextRemovalRoute(app: App): void {
  addRoute(app, deleteContext, async (c) => {
    const { id } = c.req.valid('param');
    const { tenant, scopes } = c.get('principal')!;
    const db = c.env.REGISTRY;
    if (!scopes.includes('admin') && !(await isOwnContext(db, id, tenant))) {
      throw new ProblemError(
        'forbidden',
        'others asked for this context too, or only others: expected scope "admin"',
      );
    }
    const tiers = tiersOf(c);
    const remove = () => removeContext(c.env, id, 'deleted', (key) => tiers.evict(key));
    const removed = (await remove()) ?? ((await adoptIfUnknown()) ? await remove() : null);
    if (removed !== null) return new Response(null, { status: 204 });

    if (await isRegistered(db, id)) throw registryBusy(`context ${id}`);
    const missing = await missingContext(db, id, tenant);
    if (missing.code === 'context-gone') return new Response(null, { status: 204 });
    throw missing;

    /** Contexts published before there was a registry are entered when they are met. */
    async function adoptIfUnknown(): Promise<boolean> {
      return !(await isRegistered(db, id)) && (await adoptContext(c.env, id, PUBLIC));
    }
  });
}
