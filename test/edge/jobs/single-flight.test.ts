import { describe, expect, it } from 'vitest';
import { JobStatus } from '../../../src/protocol/api.ts';
import type { Manifest } from '../../../src/protocol/manifest.ts';
import { edge, expectProblem, publishContext } from '../support/edge.ts';
import { eventsOf, lease, report, reported, servedModel, submit } from '../support/jobs.ts';
import { makeContext, unusedId } from '../support/objects.ts';

const WAIT = { prefer: 'wait=20' };

describe('many requests for one context', () => {
  it('are one job, and each gets the manifest', async () => {
    const model = await servedModel();
    const context = await makeContext();
    const body = { model, text: 'Call me Ishmael.' };
    const posts = Array.from({ length: 100 }, () => submit(body, WAIT));
    const leased = (await lease([model], 10))!;
    expect(leased.request).toEqual({ ...body, visibility: 'public' });
    const gets = Array.from({ length: 50 }, () => edge(`/v1/contexts/${leased.jobId}`, { headers: WAIT }));
    await reported(leased, { type: 'tokenized', id: context.id, tokenCount: 356, chunksTotal: 2 });
    const byContext = Array.from({ length: 50 }, () => edge(`/v1/contexts/${context.id}`, { headers: WAIT }));
    await publishContext(context);
    await reported(leased, { type: 'published', id: context.id });

    for (const response of await Promise.all(posts)) {
      expect(response.status).toBe(201);
      expect(response.headers.get('location')).toBe(`/v1/contexts/${context.id}`);
      expect(await response.json()).toEqual(context.manifest);
    }
    for (const response of await Promise.all(gets)) {
      expect([response.status, response.headers.get('location')]).toEqual([
        303,
        `/v1/contexts/${context.id}`,
      ]);
    }
    for (const response of await Promise.all(byContext)) {
      expect(response.status).toBe(200);
      expect(((await response.json()) as Manifest).id).toBe(context.id);
    }
    expect(await lease([model], 0)).toBeNull();
  });

  it('get one clear error when it cannot be computed', async () => {
    const model = await servedModel();
    const body = { model, text: 'too long' };
    const posts = Array.from({ length: 30 }, () => submit(body, WAIT));
    const leased = (await lease([model], 10))!;
    const gets = Array.from({ length: 20 }, () => edge(`/v1/contexts/${leased.jobId}`, { headers: WAIT }));
    await reported(leased, {
      type: 'failed',
      code: 'context-too-large',
      detail: 'it has 9000 tokens, 8192 fit',
    });
    for (const response of await Promise.all(posts)) {
      expect(await expectProblem(response, 413, 'context-too-large')).toContain('9000');
    }
    for (const response of await Promise.all(gets)) {
      expect(await expectProblem(response, 502, 'origin-failed')).toContain('context-too-large');
    }
    expect((await eventsOf(leased.jobId)).map(({ event }) => event.type)).toEqual(['failed']);
  });

  it('without waiting get the state of the job', async () => {
    const model = await servedModel();
    const first = await submit({ model, text: 'a' });
    expect(first.status).toBe(202);
    const status = JobStatus.parse(await first.json());
    expect(status).toEqual({
      id: status.id,
      state: 'queued',
      model,
      contextId: null,
      tokenCount: null,
      chunksTotal: null,
      chunksDone: 0,
    });
    expect(first.headers.get('location')).toBe(`/v1/contexts/${status.id}`);
    expect(first.headers.get('retry-after')).toBe('1');
    expect(await (await submit({ model, text: 'a' })).json()).toEqual(status);
    const other = (await (await submit({ model, text: 'b' })).json()) as JobStatus;
    expect(other.id).not.toBe(status.id);
  });
});

describe('two jobs that turn out to be one context', () => {
  it('compute it once: the second follows the first', async () => {
    const model = await servedModel();
    const context = await makeContext();
    const tokenized = { type: 'tokenized', id: context.id, tokenCount: 356, chunksTotal: 2 } as const;
    await submit({ model, text: 'as text' });
    const first = (await lease([model]))!;
    await reported(first, tokenized);
    const waiting = submit({ model, tokens: [1, 2, 3] }, WAIT);
    const second = (await lease([model]))!;
    expect(second.jobId).not.toBe(first.jobId);
    const events = eventsOf(second.jobId);
    await expectProblem(await report(second, tokenized), 409, 'lease-lost');
    expect(await lease([model], 0)).toBeNull();

    await publishContext(context);
    await reported(first, { type: 'published', id: context.id });
    expect((await waiting).status).toBe(201);
    const seen = await events;
    expect(seen.map(({ event }) => event.type)).toEqual(['tokenized', 'published']);
    const again = await eventsOf(second.jobId, { 'last-event-id': seen[0]!.id! });
    expect(again.map(({ event }) => event.type)).toEqual(['published']);
  });

  it('do not wait for a job that failed', async () => {
    const model = await servedModel();
    const id = unusedId();
    const tokenized = { type: 'tokenized', id, tokenCount: 3, chunksTotal: 1 } as const;
    await submit({ model, text: 'as text' });
    const first = (await lease([model]))!;
    await reported(first, tokenized, { type: 'failed', code: 'invalid-chunk', detail: 'x' });
    await submit({ model, tokens: [1, 2, 3] });
    const second = (await lease([model]))!;
    expect((await report(second, tokenized)).status).toBe(200);
  });
});

describe('a context that was published', () => {
  async function published(ttlSeconds?: number) {
    const model = await servedModel();
    const body = { model, text: 'x', ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
    await submit(body);
    const leased = (await lease([model]))!;
    const context = await makeContext({ expiresAt: leased.expiresAt });
    await publishContext(context);
    await reported(leased, { type: 'published', id: context.id });
    return { model, body, context };
  }

  it('is answered at once', async () => {
    const { model, body, context } = await published();
    const again = await submit(body);
    expect(again.status).toBe(201);
    expect(await again.json()).toEqual(context.manifest);
    expect(await lease([model], 0)).toBeNull();
  });

  it('is computed again when the store has lost it', async () => {
    const model = await servedModel();
    await submit({ model, text: 'x' });
    await reported((await lease([model]))!, { type: 'published', id: unusedId() });
    const again = await submit({ model, text: 'x' });
    expect(again.status).toBe(202);
    expect(((await again.json()) as JobStatus).state).toBe('queued');
    expect(await lease([model])).not.toBeNull();
  });

  it('goes through again only for a later expiry', async () => {
    const { model, body } = await published(3600);
    expect((await submit({ ...body, ttlSeconds: 600 })).status).toBe(201);
    expect(await lease([model], 0)).toBeNull();
    expect((await submit({ ...body, ttlSeconds: 7200 })).status).toBe(202);
    const extended = (await lease([model]))!;
    expect(Date.parse(extended.expiresAt!)).toBeGreaterThan(Date.now() + 7_000_000);
  });

  it('gets the latest expiry that was asked for while it was computed', async () => {
    const model = await servedModel();
    await submit({ model, text: 'x', ttlSeconds: 600 });
    const leased = (await lease([model]))!;
    await submit({ model, text: 'x' });
    await submit({ model, text: 'x', ttlSeconds: 900 });
    expect((await reported(leased)).expiresAt).toBeNull();
  });
});
