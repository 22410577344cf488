import { Hono } from 'hono';
import { ProblemError } from '../../src/protocol/problems.ts';

/** `GET /healthz`, for whoever watches the process. The edge never calls an origin: the origin fetches its work. */
export function createHealthApp(models: readonly string[]): Hono {
  const app = new Hono();
  app.get('/healthz', (context) => context.json({ status: 'ok', models }));
  app.notFound((context) =>
    new ProblemError('route-not-found', `No route ${context.req.method} ${context.req.path}.`).toResponse(),
  );
  return app;
}
