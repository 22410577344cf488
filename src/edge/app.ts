import { OpenAPIHono } from '@hono/zod-openapi';
import { ProblemError } from '../protocol/problems.ts';
import { authenticate } from './auth.ts';
import type { App, AppEnv, Env } from './env.ts';
import { matchHot, serveHot } from './hot-path.ts';
import { preflight } from './http/cors.ts';
import { finishHeaders, requestIdOf } from './http/finish.ts';
import { allowedMethods } from './methods.ts';
import { observe } from './observe.ts';
import { limitRequests } from './rate-limit.ts';
import { addChunkLevelsRoute } from './routes/chunk-levels.ts';
import { addChunkRoutes } from './routes/chunks.ts';
import { addContextEventsRoute } from './routes/context-events.ts';
import { addContextListRoute } from './routes/context-list.ts';
import { addContextRemovalRoute } from './routes/context-removal.ts';
import { addContextStreamRoute } from './routes/context-stream.ts';
import { addContextTokensRoute } from './routes/context-tokens.ts';
import { addContextRoutes } from './routes/contexts.ts';
import { addDashboardRoutes } from './routes/dashboard.ts';
import { addHealthRoute } from './routes/health.ts';
import { addJobRoutes } from './routes/jobs.ts';
import { addLookupRoutes } from './routes/lookup.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addOpenApiRoute } from './routes/openapi.ts';
import { addProfileRoutes } from './routes/profiles.ts';
import { addPurgeRoute } from './routes/purge.ts';
import { asProblem } from './unexpected.ts';
import { validationProblem } from './validation.ts';

/** The whole HTTP API, with a short way for the requests that nearly all are. */
export function createEdge(): Pick<App, 'fetch'> {
  const app = createApp();
  return {
    fetch: (request, env, executionCtx) => {
      const hot = matchHot(request);
      if (hot === null || executionCtx === undefined) return app.fetch(request, env, executionCtx);
      return serveHot(hot, request, env as Env, executionCtx);
    },
  };
}

function createApp(): App {
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw validationProblem(result.error);
    },
  });

  app.use(async (c, next) => {
    c.set('requestId', requestIdOf(c.req.raw.headers));
    await next();
    finishHeaders(c.res.headers, c.get('requestId'));
  });

  app.use(observe);
  app.options('*', preflight);

  addDashboardRoutes(app);
  addMetricsRoute(app);

  app.use('/v1/*', authenticate, limitRequests);

  addContextRoutes(app);
  addContextListRoute(app);
  addContextEventsRoute(app);
  addContextTokensRoute(app);
  addContextStreamRoute(app);
  addContextRemovalRoute(app);
  addPurgeRoute(app);
  addLookupRoutes(app);
  addChunkRoutes(app);
  addChunkLevelsRoute(app);
  addProfileRoutes(app);
  addJobRoutes(app);
  addHealthRoute(app);

  addOpenApiRoute(app);

  app.notFound((c) => {
    const allowed = allowedMethods(app.routes, c.req.path);
    const problem =
      allowed.length === 0
        ? new ProblemError('route-not-found', `no route ${c.req.path}`)
        : new ProblemError('method-not-allowed', `${c.req.method} is not allowed here`, {
            allow: allowed.join(', '),
          });
    return problem.toResponse(c.get('requestId'));
  });

  app.onError((error, c) => asProblem(error, c.get('requestId')).toResponse(c.get('requestId')));
  return app;
}
