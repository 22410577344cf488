import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { ContextJob } from '../../../src/edge/jobs/context-job.ts';
import { dispatcherOf } from '../../../src/edge/jobs/dispatcher.ts';
import { MAX_ATTEMPTS } from '../../../src/edge/jobs/job-policy.ts';
import type { JobRecord } from '../../../src/edge/jobs/job-record.ts';
import type { JobStatus } from '../../../src/protocol/api.ts';
import { BINDINGS, edge, expectProblem, sendJson } from '../support/edge.ts';
import {
  deliver,
  eventsOf,
  job,
  lease,
  report,
  reported,
  servedModel,
  submit,
  unservedModel,
} from '../support/jobs.ts';
import { unusedId } from '../support/objects.ts';

const HOUR_MS = 3_600_000;
/** A busy machine takes its time. */
const POLL = { timeout: 15_000 };
const body = (model: string) => ({ model, text: 'Call me Ishmael.' });

async function submitted(model: string): Promise<JobStatus> {
  return (await submit(body(model))).json();
}

/** Lets time pass for a job: everything it remembers happened earlier. */
async function pass(id: string, ms: number): Promise<void> {
  await runInDurableObject(job(id), (_: ContextJob, state) => {
    const record = state.storage.kv.get<JobRecord>('job')!;
    const lease = record.lease === null ? null : { ...record.lease, untilMs: record.lease.untilMs - ms };
    state.storage.kv.put('job', { ...record, sinceMs: record.sinceMs - ms, lease });
  });
}

const ring = (id: string) => runDurableObjectAlarm(job(id));
const stateOf = async (id: string) => (await job(id).status())!;

describe('a lease', () => {
  it('gives a job to one origin only', async () => {
    const model = await servedModel();
    await submitted(model);
    const leases = await Promise.all(Array.from({ length: 5 }, () => lease([model], 1)));
    expect(leases.filter((one) => one !== null)).toHaveLength(1);
  });

  it('is for the models that the origin serves, oldest job first', async () => {
    const [mine, other] = [await servedModel(), await servedModel()];
    await submit({ model: other, text: 'x' });
    const first = (await (await submit({ model: mine, text: 'first' })).json()) as JobStatus;
    await expect.poll(() => readyKeys(mine), POLL).toBe(1);
    await submit({ model: mine, text: 'second' });
    await expect.poll(() => readyKeys(mine), POLL).toBe(2);
    expect((await lease([mine]))!.jobId).toBe(first.id);
    expect((await lease([mine]))!.request.text).toBe('second');
    expect(await lease([mine], 0)).toBeNull();
  });

  it('waits for work', async () => {
    const model = await servedModel();
    const waiting = lease([model], 10);
    const { id } = await submitted(model);
    expect((await waiting)!.jobId).toBe(id);
  });

  it('ends when its origin falls silent, and another origin finishes the job', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const dead = (await lease([model]))!;
    const contextId = unusedId();
    const tokenized = { type: 'tokenized', id: contextId, tokenCount: 9, chunksTotal: 1 } as const;
    await reported(dead, tokenized);
    await ring(id);
    expect((await stateOf(id)).state).toBe('running'); // the alarm came before the lease ended

    await pass(id, HOUR_MS);
    await ring(id);
    expect((await stateOf(id)).state).toBe('queued');
    const next = (await lease([model], 5))!;
    expect(next.jobId).toBe(id);
    expect(next.leaseId).not.toBe(dead.leaseId);
    expect(next.request).toEqual(dead.request);
    await expectProblem(await report(dead, { type: 'published', id: contextId }), 409, 'lease-lost');
    await reported(next, tokenized, { type: 'published', id: contextId });
    expect(await stateOf(id)).toMatchObject({ state: 'published', contextId });
    const types = (await eventsOf(id)).map(({ event }) => event.type);
    expect(types).toEqual(['tokenized', 'tokenized', 'published']);
  });

  it('is renewed by a report', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const leased = (await lease([model]))!;
    await pass(id, 29_000);
    await reported(leased);
    await pass(id, 29_000);
    await ring(id);
    expect((await stateOf(id)).state).toBe('running');
  });

  it('that ended is renewed by its origin as long as no other took the job', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const late = (await lease([model]))!;
    await pass(id, HOUR_MS);
    await ring(id);
    await reported(late, { type: 'prefilled', tokensDone: 1, tokenCount: 9 });
    expect((await stateOf(id)).state).toBe('running');
    expect(await lease([model], 0)).toBeNull();
  });

  it('that is given back is no attempt', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    for (let stops = 0; stops < MAX_ATTEMPTS + 1; stops++) {
      const { jobId, leaseId } = (await lease([model], 5))!;
      expect(jobId).toBe(id);
      const released = await sendJson('POST', `/v1/jobs/${id}/release`, { leaseId }, { scope: 'compute' });
      expect(released.status).toBe(204);
    }
    expect((await stateOf(id)).state).toBe('queued');
  });

  it('takes a report twice as one', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const leased = (await lease([model]))!;
    const contextId = unusedId();
    await reported(leased, { type: 'published', id: contextId });
    expect((await report(leased, { type: 'published', id: contextId })).status).toBe(200);
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it('needs a token for origins', async () => {
    const request = { models: ['m'], waitSeconds: 0 };
    await expectProblem(await sendJson('POST', '/v1/jobs/lease', request), 403, 'forbidden');
    const path = `/v1/jobs/${unusedId()}/report`;
    const news = { leaseId: crypto.randomUUID(), events: [] };
    await expectProblem(await sendJson('POST', path, news), 403, 'forbidden');
    await expectProblem(await sendJson('POST', path, news, { scope: 'compute' }), 409, 'lease-lost');
  });
});

describe('a job that goes wrong', () => {
  it(`fails after ${MAX_ATTEMPTS} origins fell silent, with one error for all`, async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const waiting = Array.from({ length: 20 }, () => submit(body(model), { prefer: 'wait=30' }));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      await deliver('kvedge-jobs', { tenant: '', job: id, model }); // without the queue's pause between two attempts
      expect(await lease([model], 5)).not.toBeNull();
      await pass(id, HOUR_MS);
      await ring(id);
    }
    for (const response of await Promise.all(waiting)) await expectProblem(response, 502, 'origin-lost');
    expect((await eventsOf(id)).at(-1)!.event).toMatchObject({ type: 'failed', code: 'origin-lost' });
    expect((await submit(body(model))).status).toBe(202); // the next request tries again
  });

  it('is tried again when an engine fails, but not when the request is at fault', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const failed = { type: 'failed', code: 'engine-failed', detail: 'out of memory' } as const;
    for (let attempt = 1; attempt < MAX_ATTEMPTS; attempt++) {
      await deliver('kvedge-jobs', { tenant: '', job: id, model });
      await reported((await lease([model], 5))!, failed);
      expect((await stateOf(id)).state).toBe('queued');
    }
    await deliver('kvedge-jobs', { tenant: '', job: id, model });
    await reported((await lease([model], 5))!, failed);
    await expectProblem(await edge(`/v1/contexts/${id}`), 500, 'engine-failed');

    const refused = await submitted(await servedModel());
    const leased = (await lease([refused.model]))!;
    await reported(leased, { type: 'failed', code: 'invalid-content', detail: 'x' });
    expect((await stateOf(refused.id)).state).toBe('failed');
  });

  it('fails when no origin takes it for a day', async () => {
    const { id } = await submitted(await servedModel());
    await pass(id, 25 * HOUR_MS);
    await ring(id);
    await expectProblem(await edge(`/v1/contexts/${id}`), 503, 'origin-unreachable');
  });

  it('sends another key when the first was lost', async () => {
    const model = await servedModel();
    await submitted(model);
    await expect.poll(() => readyKeys(model), POLL).toBe(1);
    const { id } = await loseKey(model);
    expect(await lease([model], 0)).toBeNull();
    await ring(id);
    expect((await lease([model], 5))!.jobId).toBe(id);
  });

  it('is forgotten a while after it is settled; its context is not', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    await reported((await lease([model]))!, { type: 'published', id: unusedId() });
    await ring(id);
    await expectProblem(await edge(`/v1/contexts/${id}`), 404, 'context-not-found');
  });

  it('keeps no text once it is settled', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    await reported((await lease([model]))!, { type: 'failed', code: 'invalid-content', detail: 'x' });
    await runInDurableObject(job(id), (_: ContextJob, state) => {
      expect([...state.storage.kv.list({ prefix: 'payload:' })]).toEqual([]);
    });
  });

  it('takes a request as large as the limit allows', async () => {
    const model = await servedModel();
    const text = 'é'.repeat(500_000);
    await submit({ model, text });
    expect((await lease([model], 5))!.request.text).toBe(text);
  });
});

describe('the queues', () => {
  it('fail the job of a dead letter, unless an origin has it after all', async () => {
    const [idle, busy] = [await servedModel(), await servedModel()];
    const waits = await submitted(idle);
    const runs = await submitted(busy);
    const leased = (await lease([busy]))!;
    const result = await deliver(
      'kvedge-jobs-dead',
      { tenant: '', job: waits.id, model: idle },
      { tenant: '', job: runs.id, model: busy },
    );
    expect(result.outcome).toBe('ok');
    await expectProblem(await edge(`/v1/contexts/${waits.id}`), 503, 'job-undeliverable');
    expect((await stateOf(runs.id)).state).toBe('running');
    expect((await report(leased)).status).toBe(200);
  });

  it('deliver a batch again when the dispatcher cannot take it', async () => {
    const broken = { ...BINDINGS, DISPATCHER: { idFromName: () => null, get: () => ({ offer: fails }) } };
    const { consumeKeys } = await import('../../../src/edge/jobs/queue.ts');
    const batch = { queue: 'kvedge-jobs', messages: [] } as unknown as MessageBatch;
    await expect(consumeKeys(batch, broken as never)).rejects.toThrow('away');
  });

  it('fail a job whose model no origin serves, while origins serve others', async () => {
    await servedModel();
    const model = unservedModel();
    const { id } = await submitted(model);
    await expect.poll(async () => (await stateOf(id)).state, POLL).toBe('failed');
    await expectProblem(
      await submit({ model, text: 'another' }, { prefer: 'wait=10' }),
      404,
      'model-unknown',
    );
  });

  it('may deliver a key twice, late, or of a job that is gone', async () => {
    const model = await servedModel();
    const { id } = await submitted(model);
    const key = { tenant: '', job: id, model };
    await deliver('kvedge-jobs', key, key);
    expect((await lease([model]))!.jobId).toBe(id);
    await deliver('kvedge-jobs', key, { tenant: '', job: unusedId(), model });
    expect(await lease([model], 0)).toBeNull();
  });
});

const fails = () => Promise.reject(new Error('away'));

function readyKeys(model: string): Promise<number> {
  return runInDurableObject(dispatcherOf(BINDINGS), (_, state) =>
    Number(state.storage.sql.exec('SELECT count(*) AS n FROM ready WHERE model = ?', model).one().n),
  );
}

/** What a dispatcher does that takes a key and stops. */
async function loseKey(model: string): Promise<{ id: string }> {
  return runInDurableObject(dispatcherOf(BINDINGS), (_, state) => {
    const rows = state.storage.sql.exec('DELETE FROM ready WHERE model = ? RETURNING job', model).toArray();
    return { id: String(rows[0]!.job) };
  });
}
