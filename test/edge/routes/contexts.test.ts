import { describe, expect, it } from 'vitest';
import type { JobStatus } from '../../../src/protocol/api.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { edge, expectProblem, publishContext, sendJson } from '../support/edge.ts';
import { eventsOf, lease, messages, reported, servedModel, submit } from '../support/jobs.ts';
import { makeContext, unusedId } from '../support/objects.ts';

/** A job that an origin has taken. */
async function leasedJob() {
  const model = await servedModel();
  await submit({ model, text: 'x' });
  return (await lease([model]))!;
}

describe('GET /v1/contexts/{id}', () => {
  it('gives the manifest with a tag, from R2 and then from the cache', async () => {
    const context = await makeContext();
    await publishContext(context);
    const path = `/v1/contexts/${context.id}`;
    const first = await edge(path);
    const second = await edge(path);
    for (const response of [first, second]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('cache-control')).toBe(
        'public, max-age=60, stale-while-revalidate=300, stale-if-error=86400, no-transform',
      );
      expect(await response.json()).toEqual(context.manifest);
    }
    expect(first.headers.get('cache-status')).toContain('fwd=uri-miss');
    expect(second.headers.get('cache-status')).toMatch(/^kvedge; hit; ttl=\d+$/);
    const etag = first.headers.get('etag')!;
    expect((await edge(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    const head = await edge(path, { method: 'HEAD' });
    expect(head.headers.get('etag')).toBe(etag);
    expect(Number(head.headers.get('content-length'))).toBe(JSON.stringify(context.manifest).length);
  });

  it('gives 410 once a context has expired, and no longer a lifetime than it has left', async () => {
    const gone = await makeContext({ expiresAt: '2020-01-01T00:00:00.000Z' });
    await publishContext(gone);
    for (const suffix of ['', '/tokens', '/events']) {
      await expectProblem(await edge(`/v1/contexts/${gone.id}${suffix}`), 410, 'context-gone');
    }
    const soon = await makeContext({ expiresAt: new Date(Date.now() + 20_000).toISOString() });
    await publishContext(soon);
    const header = (await edge(`/v1/contexts/${soon.id}`)).headers.get('cache-control')!;
    expect(Number(/^public, max-age=(\d+), no-transform$/.exec(header)![1])).toBeLessThanOrEqual(20);
  });

  it('gives 202 while a job is queued or at work, by the id of the job and of the context', async () => {
    const model = await servedModel();
    const { id } = (await (await submit({ model, text: 'x' })).json()) as JobStatus;
    const state = async (of: string) => {
      const response = await edge(`/v1/contexts/${of}`);
      expect(response.status).toBe(202);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('retry-after')).toBe('1');
      return (await response.json()) as JobStatus;
    };
    expect((await state(id)).state).toBe('queued');
    const leased = (await lease([model]))!;
    expect((await state(id)).state).toBe('running');
    const contextId = unusedId();
    await reported(leased, { type: 'tokenized', id: contextId, tokenCount: 300, chunksTotal: 2 });
    await reported(leased, { type: 'chunk', chunksDone: 1, chunksTotal: 2 });
    const status = { id, model, contextId, tokenCount: 300, chunksDone: 1, chunksTotal: 2, state: 'running' };
    expect(await state(id)).toEqual(status);
    expect(await state(contextId)).toEqual(status);
  });

  it('reports a failed job by what it failed with', async () => {
    for (const [code, status, answered] of [
      ['profile-missing', 501, 'profile-missing'],
      ['strange', 502, 'origin-failed'],
      ['model-unknown', 502, 'origin-failed'],
    ] as const) {
      const leased = await leasedJob();
      await reported(leased, { type: 'failed', code, detail: 'the reason' });
      const detail = await expectProblem(await edge(`/v1/contexts/${leased.jobId}`), status, answered);
      expect(detail).toContain('the reason');
    }
  });

  it('gives 404 for an id that stands for nothing, and for a context that is no longer stored', async () => {
    await expectProblem(await edge(`/v1/contexts/${unusedId()}`), 404, 'context-not-found');
    const leased = await leasedJob();
    const contextId = unusedId();
    const tokenized = { type: 'tokenized', id: contextId, tokenCount: 3, chunksTotal: 1 } as const;
    await reported(leased, tokenized, { type: 'published', id: contextId });
    expect((await edge(`/v1/contexts/${leased.jobId}`, { redirect: 'manual' })).status).toBe(303);
    await expectProblem(await edge(`/v1/contexts/${contextId}`), 404, 'context-not-found');
  });

  it('waits for as long as Prefer asks, and not longer', async () => {
    const leased = await leasedJob();
    const started = Date.now();
    const response = await edge(`/v1/contexts/${leased.jobId}`, { headers: { prefer: 'wait=1' } });
    expect(response.status).toBe(202);
    expect(Date.now() - started).toBeGreaterThanOrEqual(1000);
    expect(Date.now() - started).toBeLessThan(5000);
  });
});

describe('POST /v1/contexts', () => {
  const body = { model: 'small', text: 'Call me Ishmael.' };

  it.each<[string, unknown]>([
    ['what is no JSON', '{"model":'],
    ['no model', { text: 'x' }],
    ['neither text nor tokens', { model: 'm' }],
    ['both text and tokens', { model: 'm', text: 'x', tokens: [1] }],
    ['an empty text', { model: 'm', text: '' }],
    ['no tokens', { model: 'm', tokens: [] }],
    ['a negative token', { model: 'm', tokens: [1, -1] }],
    ['a token that is no integer', { model: 'm', tokens: [1.5] }],
    ['a token beyond 32 bits', { model: 'm', tokens: [2 ** 32] }],
    ['a token that is a string', { model: 'm', tokens: ['1'] }],
    ['a visibility that is not offered', { ...body, visibility: 'secret' }],
    ['a lifetime below a minute', { ...body, ttlSeconds: 5 }],
    ['an unknown field', { ...body, colour: 'red' }],
    ['a list', [body]],
  ])('refuses %s', async (_name, bad) => {
    await expectProblem(await sendJson('POST', '/v1/contexts', bad), 400, 'bad-request');
  });

  it('never repeats text or tokens in a problem', async () => {
    const detail = await expectProblem(
      await sendJson('POST', '/v1/contexts', { model: 'm', text: 'SECRET', tokens: [424242] }),
      400,
      'bad-request',
    );
    expect(detail).not.toMatch(/SECRET|424242/);
  });

  it('names the limit that a context exceeds', async () => {
    const text = 'é'.repeat(LIMITS.textBytes / 2 + 1);
    const longText = await sendJson('POST', '/v1/contexts', { model: 'm', text });
    expect(await expectProblem(longText, 413, 'too-large')).toContain('textBytes');
    const tokens = new Array<number>(LIMITS.contextTokens + 1).fill(1);
    const manyTokens = await sendJson('POST', '/v1/contexts', { model: 'm', tokens });
    expect(await expectProblem(manyTokens, 413, 'context-too-large')).toContain('contextTokens');
  });

  it('refuses a body above the limit, announced or not, without reading it all', async () => {
    const headers = { 'content-type': 'application/json' };
    let pulled = 0;
    const endless = () =>
      new ReadableStream({
        pull(controller) {
          pulled += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(32));
        },
      });
    const chunked = await edge('/v1/contexts', {
      method: 'POST',
      scope: 'publish',
      headers,
      body: endless(),
    });
    expect(await expectProblem(chunked, 413, 'too-large')).toContain('requestBytes');
    expect(pulled).toBeLessThan(LIMITS.requestBytes + 4 * 65_536);
    pulled = 0;
    const announced = await edge('/v1/contexts', {
      method: 'POST',
      scope: 'publish',
      headers: { ...headers, 'content-length': String(LIMITS.requestBytes + 1) },
      body: endless(),
    });
    await expectProblem(announced, 413, 'too-large');
    expect(pulled).toBeLessThanOrEqual(65_536);
  });

  it('accepts a body of unknown length within the limit', async () => {
    const response = await edge('/v1/contexts', {
      method: 'POST',
      scope: 'publish',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: new Blob([JSON.stringify(body)]).stream(),
    });
    expect(response.status).toBe(202);
  });

  it('asks for JSON', async () => {
    const response = await sendJson('POST', '/v1/contexts', body, {
      headers: { 'content-type': 'text/plain' },
    });
    await expectProblem(response, 415, 'unsupported-media-type');
  });
});

describe('GET /v1/contexts/{id}/events', () => {
  it('sends one event for a published context', async () => {
    const context = await makeContext();
    await publishContext(context);
    const response = await edge(`/v1/contexts/${context.id}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.text()).toBe(
      `event: published\ndata: {"type":"published","id":"${context.id}"}\n\n`,
    );
  });

  it('sends what happened and what happens, and resumes after the last event seen', async () => {
    const leased = await leasedJob();
    const id = unusedId();
    await reported(leased, { type: 'tokenized', id, tokenCount: 300, chunksTotal: 2 });
    const live = eventsOf(leased.jobId);
    const byContext = eventsOf(id);
    await reported(leased, { type: 'prefilled', tokensDone: 300, tokenCount: 300 });
    await reported(leased, { type: 'chunk', chunksDone: 2, chunksTotal: 2 }, { type: 'published', id });
    const all = await live;
    expect(all.map(({ event }) => event.type)).toEqual(['tokenized', 'prefilled', 'chunk', 'published']);
    expect(await byContext).toEqual(all);
    const rest = await edge(`/v1/contexts/${leased.jobId}/events`, {
      headers: { 'last-event-id': all[1]!.id! },
    });
    expect(rest.headers.get('content-type')).toBe('text/event-stream');
    expect(messages(await rest.text())).toEqual(all.slice(2));
  });

  it('answers with a problem when there is nothing to stream', async () => {
    const path = `/v1/contexts/${unusedId()}/events`;
    await expectProblem(await edge(path), 404, 'context-not-found');
    await expectProblem(await edge(path, { headers: { 'last-event-id': 'x' } }), 400, 'bad-request');
  });
});

describe('GET /v1/contexts/{id}/tokens', () => {
  it('gives the tokens and text of the chunks asked for', async () => {
    const context = await makeContext({ chunkCount: 3 });
    await publishContext(context);
    const path = `/v1/contexts/${context.id}/tokens`;
    for (const [query, from, to] of [
      ['', 0, 3],
      ['?from=1', 1, 3],
      ['?to=2', 0, 2],
      ['?from=1&to=2', 1, 2],
      ['?from=2&to=3', 2, 3],
      ['?from=3&to=3', 3, 3],
      ['?from=0&to=0', 0, 0],
    ] as const) {
      const response = await edge(path + query);
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(JSON.parse(text)).toEqual({ id: context.id, from, chunks: context.chunks.slice(from, to) });
      const bytes = String(new TextEncoder().encode(text).length);
      expect(response.headers.get('content-length')).toBe(bytes);
      const head = await edge(path + query, { method: 'HEAD' });
      expect(head.headers.get('content-length')).toBe(bytes);
      const etag = response.headers.get('etag')!;
      expect((await edge(path + query, { headers: { 'if-none-match': etag } })).status).toBe(304);
    }
  });

  it('refuses a range that is not inside the context', async () => {
    const context = await makeContext({ chunkCount: 2 });
    await publishContext(context);
    for (const query of ['from=3', 'to=3', 'from=2&to=1', 'from=-1', 'from=x', 'from=', 'start=0']) {
      const response = await edge(`/v1/contexts/${context.id}/tokens?${query}`);
      await expectProblem(response, 400, 'bad-request');
    }
  });
});
