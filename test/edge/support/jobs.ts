import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test';
import type { JobKey } from '../../../src/edge/jobs/job-key.ts';
import { jobOf } from '../../../src/edge/jobs/job-of.ts';
import worker from '../../../src/edge/worker.ts';
import type { JobEvent } from '../../../src/protocol/api.ts';
import { Lease, LeaseTerms } from '../../../src/protocol/jobs.ts';
import { BINDINGS, edge, sendJson } from './edge.ts';

/** A model that no other test uses, so that no other job waits for it, and that an origin serves. */
export async function servedModel(): Promise<string> {
  const model = unservedModel();
  await lease([model], 0);
  return model;
}

export const unservedModel = () => `model-${crypto.randomUUID()}`;

export async function submit(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return sendJson('POST', '/v1/contexts', body, { headers });
}

/** Takes a job as an origin does; null if there is none. */
export async function lease(models: string[], waitSeconds = 2): Promise<Lease | null> {
  const response = await sendJson('POST', '/v1/jobs/lease', { models, waitSeconds }, { scope: 'compute' });
  if (response.status === 204) return null;
  return Lease.parse(await response.json());
}

export function report(job: Lease, ...events: JobEvent[]): Promise<Response> {
  const body = { leaseId: job.leaseId, events };
  const { tenant } = job.request;
  const headers: Record<string, string> = tenant === undefined ? {} : { 'kvedge-tenant': tenant.name };
  return sendJson('POST', `/v1/jobs/${job.jobId}/report`, body, { scope: 'compute', headers });
}

export async function reported(job: Lease, ...events: JobEvent[]): Promise<LeaseTerms> {
  return LeaseTerms.parse(await (await report(job, ...events)).json());
}

/** Delivers keys as the platform does, from the queue of this name. */
export async function deliver(queue: string, ...keys: JobKey[]) {
  const messages = keys.map((body, i) => ({ id: String(i), timestamp: new Date(), attempts: 1, body }));
  const batch = createMessageBatch(queue, messages);
  const ctx = createExecutionContext();
  await worker.queue(batch, BINDINGS);
  return getQueueResult(batch, ctx);
}

export const job = (id: string) => jobOf(BINDINGS, { tenant: '', job: id });

export interface Message {
  id: string | undefined;
  event: JobEvent;
}

/** The messages of an event stream that has ended. */
export async function eventsOf(id: string, headers: Record<string, string> = {}): Promise<Message[]> {
  return messages(await (await edge(`/v1/contexts/${id}/events`, { headers })).text());
}

export function messages(stream: string): Message[] {
  return stream
    .split('\n\n')
    .filter((block) => block.includes('data:'))
    .map((block) => ({
      id: /^id: (\d+)$/m.exec(block)?.[1],
      event: JSON.parse(/^data: (.*)$/m.exec(block)![1]!),
    }));
}
