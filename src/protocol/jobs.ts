import * as z from 'zod';
import { JobEvent, JobRequest } from './api.ts';
import { Id } from './manifest.ts';

/** How origins take work from the edge (docs/operations.md, "Jobs"). */

/** Longest wait of one `POST /v1/jobs/lease`: below the idle timeouts of proxies on the way. */
export const MAX_LEASE_WAIT_SECONDS = 25;
/** Events in one report. */
const MAX_EVENTS = 256;

/** Body of `POST /v1/jobs/lease`. */
export const LeaseRequest = z
  .strictObject({
    /** Models that this origin serves. */
    models: z.array(z.string().min(1).max(128)).min(1).max(64),
    /** How long to wait for work before the answer is 204. */
    waitSeconds: z.int().min(0).max(MAX_LEASE_WAIT_SECONDS).default(20),
  })
  .meta({ id: 'LeaseRequest' });

/** What a lease's holder must know to keep it. */
export const LeaseTerms = z
  .strictObject({
    /** The lease ends this long after the last report, unless another follows. */
    leaseSeconds: z.number().positive(),
    /** For the manifest; later requests of the same content may extend it while it is computed. */
    expiresAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'LeaseTerms' });
export type LeaseTerms = z.infer<typeof LeaseTerms>;

/** A job that one origin works on. */
export const Lease = LeaseTerms.extend({
  jobId: Id,
  leaseId: z.uuid(),
  /** For the manifest: when the context was asked for. */
  createdAt: z.iso.datetime(),
  /** The publish request as the edge took it, and whose it is unless it is everybody's. */
  request: JobRequest,
}).meta({ id: 'Lease' });
export type Lease = z.infer<typeof Lease>;

/** Body of `POST /v1/jobs/{id}/report`: news of a job, or none, which only keeps the lease. */
export const JobReport = z
  .strictObject({ leaseId: z.uuid(), events: z.array(JobEvent).max(MAX_EVENTS) })
  .meta({ id: 'JobReport' });

/** Body of `POST /v1/jobs/{id}/release`. */
export const LeaseRelease = z.strictObject({ leaseId: z.uuid() }).meta({ id: 'LeaseRelease' });
