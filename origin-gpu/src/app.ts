import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { LIMITS } from '../../src/protocol/limits.ts';
import { Id } from '../../src/protocol/manifest.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import { PUBLIC, TENANT_HEADER } from '../../src/protocol/tenant.ts';
import { requireBearer } from './auth.ts';
import { type Job, type JobStore, statusOf } from './jobs/store.ts';
import { submitJob } from './jobs/submit.ts';
import type { Log } from './log.ts';
import type { ModelRegistry } from './models.ts';

export interface OriginParts {
  originToken: string;
  store: JobStore;
  models: ModelRegistry;
  log: Log;
  /** Whether the edge has this context of this tenant. */
  stillPublished: (id: string, tenant: string) => Promise<boolean>;
}

const KEEP_ALIVE_MS = 15_000;

/** The origin's HTTP interface: `POST /v1/jobs`, `GET /v1/jobs/{id}`, its events, `GET /healthz`. */
export function createOriginApp(parts: OriginParts): Hono {
  const { store, models, log } = parts;
  const app = new Hono();

  app.get('/healthz', (context) => context.json({ status: 'ok', models: models.names }));
  app.use('/v1/*', requireBearer(parts.originToken));
  const limit = bodyLimit({
    maxSize: LIMITS.requestBytes,
    onError: () => {
      throw new ProblemError('too-large', `The body is larger than requestBytes, ${LIMITS.requestBytes}.`);
    },
  });

  app.post('/v1/jobs', limit, async (context) => {
    const body = await context.req.json().catch(() => {
      throw new ProblemError('bad-request', 'The body is not JSON.');
    });
    return jobResponse(context, await submitJob(body, parts));
  });

  app.get('/v1/jobs/:id', (context) =>
    jobResponse(context, findJob(context, store, context.req.param('id'))),
  );

  app.get('/v1/jobs/:id/events', (context) => {
    const job = findJob(context, store, context.req.param('id'));
    return jobEvents(context, store, job.id, lastEventId(context));
  });

  app.notFound((context) => {
    throw new ProblemError('route-not-found', `No route ${context.req.method} ${context.req.path}.`);
  });
  app.onError((error) => {
    if (error instanceof ProblemError) return error.toResponse();
    log.error('request failed', { reason: error.stack ?? String(error) });
    return new ProblemError('internal', 'The origin failed; its log has the reason.').toResponse();
  });
  return app;
}

/** 202 while there is work to do, 200 after it. */
function jobResponse(context: Context, job: Job): Response {
  const pending = job.state === 'queued' || job.state === 'running';
  return context.json(statusOf(job), pending ? 202 : 200, {
    location: `/v1/jobs/${job.id}`,
    'cache-control': 'no-store',
  });
}

/** The job, if the tenant for whom the Worker asks may know of it. */
function findJob(context: Context, store: JobStore, id: string): Job {
  const tenant = context.req.header(TENANT_HEADER) ?? PUBLIC;
  const job = Id.safeParse(id).success ? store.findFor(tenant, id) : null;
  if (job === null) throw new ProblemError('context-not-found', 'The origin has no job of this id.');
  return job;
}

function lastEventId(context: Context): number {
  const text = context.req.header('last-event-id');
  if (text === undefined || text === '') return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ProblemError('bad-request', 'Last-Event-ID is not a number that this service gave.');
}

/** Events of a job from the one after `afterSeq` until it is published or failed. */
function jobEvents(context: Context, store: JobStore, id: string, afterSeq: number): Response {
  context.header('cache-control', 'no-store');
  return streamSSE(context, async (stream) => {
    let seq = afterSeq;
    while (!stream.aborted) {
      const changed = nextChange(store, id, (callback) => stream.onAbort(callback));
      let finished = false;
      for (const { seq: eventSeq, event } of store.events(id, seq)) {
        seq = eventSeq;
        await stream.writeSSE({ id: String(seq), event: event.type, data: JSON.stringify(event) });
        finished = event.type === 'published' || event.type === 'failed';
      }
      const state = store.find(id)?.state;
      if (finished || state === undefined || state === 'published' || state === 'failed')
        return changed.cancel();
      if ((await changed.promise) === 'quiet') await stream.write(': still here\n\n');
    }
  });
}

/** Resolves with the next change of a job, with an abort, or after a quiet while. */
function nextChange(store: JobStore, id: string, onAbort: (callback: () => void) => void) {
  const { promise, resolve } = Promise.withResolvers<'changed' | 'quiet'>();
  const off = store.onChange(id, () => resolve('changed'));
  const timer = setTimeout(() => resolve('quiet'), KEEP_ALIVE_MS);
  const cancel = () => resolve('changed');
  onAbort(cancel);
  promise.then(() => {
    off();
    clearTimeout(timer);
  });
  return { promise, cancel };
}
