import { createRoute, z } from '@hono/zod-openapi';
import { JobReport, Lease, LeaseRelease, LeaseRequest, LeaseTerms } from '../../protocol/jobs.ts';
import { Id } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { publishingTenant, requireScope } from '../auth.ts';
import type { App } from '../env.ts';
import { jsonBody } from '../http/body.ts';
import { dispatcherOf } from '../jobs/dispatcher.ts';
import { askJob, jobOf } from '../jobs/job-of.ts';
import { addRoute, BEARER, problemResponses } from './route.ts';

const IdParam = z.object({ id: Id });
const json = <S extends z.ZodType>(schema: S) => ({ 'application/json': { schema } });
const PROBLEMS_OF_ALL = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'too-large',
  'unsupported-media-type',
  'rate-limited',
  'jobs-unavailable',
] as const;

const postLease = createRoute({
  method: 'post',
  path: '/v1/jobs/lease',
  summary: 'An origin takes the oldest job of the models it serves, waiting for one if need be',
  security: BEARER,
  middleware: [requireScope('compute'), jsonBody] as const,
  request: { body: { required: true, content: json(LeaseRequest) } },
  responses: {
    200: { description: 'The job, yours until the lease ends', content: json(Lease) },
    204: { description: 'There is no work; ask again' },
    ...problemResponses(...PROBLEMS_OF_ALL),
  },
});

const postReport = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/report',
  summary: 'An origin tells how its job goes, and keeps the lease',
  security: BEARER,
  middleware: [requireScope('compute'), jsonBody] as const,
  request: { params: IdParam, body: { required: true, content: json(JobReport) } },
  responses: {
    200: { description: 'The lease goes on', content: json(LeaseTerms) },
    ...problemResponses(...PROBLEMS_OF_ALL, 'lease-lost'),
  },
});

const postRelease = createRoute({
  method: 'post',
  path: '/v1/jobs/{id}/release',
  summary: 'An origin that stops gives its job back',
  security: BEARER,
  middleware: [requireScope('compute'), jsonBody] as const,
  request: { params: IdParam, body: { required: true, content: json(LeaseRelease) } },
  responses: {
    204: { description: 'The job waits for another origin, or was not yours' },
    ...problemResponses(...PROBLEMS_OF_ALL),
  },
});

export function addJobRoutes(app: App): void {
  addRoute(app, postLease, async (c) => {
    const { models, waitSeconds } = c.req.valid('json');
    const leased = await dispatcherOf(c.env).lease(models, 1000 * waitSeconds);
    if (leased === null) return new Response(null, { status: 204 });
    const { tenant, ...grant } = leased;
    const job = jobOf(c.env, { tenant, job: grant.jobId });
    if (c.req.raw.signal.aborted) {
      await job.release(grant.leaseId); // the origin hung up while it waited
      return new Response(null, { status: 204 });
    }
    const request = JSON.parse(new TextDecoder().decode(await job.payload()));
    return Response.json({ ...grant, request } satisfies Lease);
  });

  addRoute(app, postReport, async (c) => {
    const { id } = c.req.valid('param');
    const { leaseId, events } = c.req.valid('json');
    const terms = await askJob(c.env, { tenant: publishingTenant(c), job: id }, (job) =>
      job.report(leaseId, events),
    );
    if (terms === null) throw new ProblemError('lease-lost', `lease ${leaseId} of job ${id} has ended`);
    return Response.json(terms);
  });

  addRoute(app, postRelease, async (c) => {
    const { id } = c.req.valid('param');
    const { leaseId } = c.req.valid('json');
    await askJob(c.env, { tenant: publishingTenant(c), job: id }, (job) => job.release(leaseId));
    return new Response(null, { status: 204 });
  });
}
