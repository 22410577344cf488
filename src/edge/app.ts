import { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { ProblemError } from '../protocol/problems.ts';
import { authenticate } from './auth.ts';
import type { App, AppEnv } from './env.ts';
import { preflight, shareWithBrowsers } from './http/cors.ts';
import { formatHttpDate } from './http/date.ts';
import { errorFields, writeLog } from './log.ts';
import { allowedMethods } from './methods.ts';
import { observe } from './observe.ts';
import { limitRequests } from './rate-limit.ts';
import { addChunkLevelsRoute } from './routes/chunk-levels.ts';
import { addChunkRoutes } from './routes/chunks.ts';
import { addContextEventsRoute } from './routes/context-events.ts';
import { addContextListRoute } from './routes/context-list.ts';
import { addContextRemovalRoute } from './routes/context-removal.ts';
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
import { validationProblem } from './validation.ts';

/** The whole HTTP API. */
export function createApp(): App {
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw validationProblem(result.error);
    },
  });

  app.use(async (c, next) => {
    const sent = c.req.header('x-request-id') ?? '';
    c.set('requestId', /^[\w.-]{1,64}$/.test(sent) ? sent : crypto.randomUUID());
    await next();
    const { headers } = c.res;
    headers.set('date', formatHttpDate(Date.now()));
    headers.set('x-request-id', c.get('requestId'));
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    shareWithBrowsers(headers);
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

function asProblem(error: Error, requestId: string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof HTTPException && error.status < 500) {
    return new ProblemError('bad-request', error.message);
  }
  writeLog('error', 'internal error', { requestId, ...errorFields(error) });
  return new ProblemError('internal', `unexpected ${error.name}`);
}
