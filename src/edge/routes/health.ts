import { createRoute } from '@hono/zod-openapi';
import { Health } from '../../protocol/api.ts';
import type { App } from '../env.ts';
import { addRoute } from './route.ts';

const getHealth = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'The Worker is up. Says nothing of the origin: published contexts do not need it.',
  responses: {
    200: { description: 'Up', content: { 'application/json': { schema: Health } } },
  },
});

export function addHealthRoute(app: App): void {
  addRoute(app, getHealth, () => {
    const body: Health = { status: 'ok', apiVersion: 1 };
    return Response.json(body);
  });
}
