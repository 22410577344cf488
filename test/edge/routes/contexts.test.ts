import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JobStatus } from '../../../src/protocol/api.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import { edge, expectProblem, fakeOrigin, ORIGIN_URL, publishContext, sendJson } from '../support/edge.ts';
import { makeContext, unusedId } from '../support/objects.ts';

afterEach(() => vi.restoreAllMocks());

const job = (id: string, state: JobStatus['state'], error?: JobStatus['error']): JobStatus => ({
  id,
  state,
  model: 'small',
  tokenCount: 300,
  chunksDone: state === 'published' ? 2 : 1,
  chunksTotal: 2,
  ...(error === undefined ? {} : { error }),
});
const unreachable = () => Promise.reject(new TypeError('connection refused'));

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

  it('does not ask the origin about a published context', async () => {
    const context = await makeContext();
    await publishContext(context);
    const requests = fakeOrigin(unreachable);
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
    expect(requests).toEqual([]);
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

  it.each(['queued', 'running'] as const)('gives 202 while the job is %s', async (state) => {
    const id = unusedId();
    const requests = fakeOrigin(() => Response.json(job(id, state)));
    const response = await edge(`/v1/contexts/${id}`, { headers: { 'x-request-id': 'abc' } });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual(job(id, state));
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('retry-after')).toBe('1');
    expect(requests[0]!.url).toBe(`${ORIGIN_URL}/v1/jobs/${id}`);
    expect(requests[0]!.headers.get('authorization')).toBe('Bearer origin-secret');
    expect(requests[0]!.headers.get('x-request-id')).toBe('abc');
  });

  it('gives the error of a failed job', async () => {
    const id = unusedId();
    fakeOrigin(() => Response.json(job(id, 'failed', { code: 'engine-failed', detail: 'out of memory' })));
    const detail = await expectProblem(await edge(`/v1/contexts/${id}`), 500, 'engine-failed');
    expect(detail).toBe('out of memory');
    fakeOrigin(() => Response.json(job(id, 'failed', { code: 'strange', detail: 'x' })));
    expect(await expectProblem(await edge(`/v1/contexts/${id}`), 502, 'origin-failed')).toContain('strange');
  });

  it('gives 404 only when the origin does not know the context either', async () => {
    fakeOrigin(() => new ProblemError('context-not-found', 'no job').toResponse());
    await expectProblem(await edge(`/v1/contexts/${unusedId()}`), 404, 'context-not-found');
    fakeOrigin(unreachable);
    const response = await edge(`/v1/contexts/${unusedId()}`);
    expect(response.headers.get('retry-after')).toBe('5');
    await expectProblem(response, 503, 'origin-unreachable');
  });

  it('does not wait for an origin that hangs', async () => {
    fakeOrigin(
      (request) =>
        new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    );
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const response = edge(`/v1/contexts/${unusedId()}`);
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    vi.advanceTimersByTime(5_000);
    vi.useRealTimers();
    expect(await expectProblem(await response, 503, 'origin-unreachable')).toContain('5000 ms');
  });

  it('gives 404 if the origin published what is no longer stored', async () => {
    const id = unusedId();
    fakeOrigin(() => Response.json(job(id, 'published')));
    await expectProblem(await edge(`/v1/contexts/${id}`), 404, 'context-not-found');
  });

  it('finds a context that is published while it asks the origin', async () => {
    const context = await makeContext();
    const { fetch } = globalThis;
    fakeOrigin(async () => {
      globalThis.fetch = fetch;
      await publishContext(context);
      return Response.json(job(context.id, 'published'));
    });
    expect((await edge(`/v1/contexts/${context.id}`)).status).toBe(200);
  });
});

describe('POST /v1/contexts', () => {
  const body = { model: 'small', text: 'Call me Ishmael.' };

  it('hands a new context to the origin and answers 202', async () => {
    const id = unusedId();
    const requests = fakeOrigin(() => Response.json(job(id, 'queued'), { status: 202 }));
    const response = await sendJson('POST', '/v1/contexts', { ...body, ttlSeconds: 3600 });
    expect(response.status).toBe(202);
    expect(response.headers.get('location')).toBe(`/v1/contexts/${id}`);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toEqual(job(id, 'queued'));
    expect(requests[0]!.method).toBe('POST');
    expect(requests[0]!.url).toBe(`${ORIGIN_URL}/v1/jobs`);
    expect(await requests[0]!.json()).toEqual({ ...body, ttlSeconds: 3600, visibility: 'public' });
  });

  it('answers 201 with the manifest when the context is published already', async () => {
    const context = await makeContext();
    await publishContext(context);
    fakeOrigin(() => Response.json(job(context.id, 'published')));
    const response = await sendJson('POST', '/v1/contexts', body);
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/contexts/${context.id}`);
    expect(await response.json()).toEqual(context.manifest);
  });

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
  ])('refuses %s before it asks the origin', async (_name, bad) => {
    const requests = fakeOrigin(unreachable);
    await expectProblem(await sendJson('POST', '/v1/contexts', bad), 400, 'bad-request');
    expect(requests).toEqual([]);
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
    const requests = fakeOrigin(unreachable);
    const text = 'é'.repeat(LIMITS.textBytes / 2 + 1);
    const longText = await sendJson('POST', '/v1/contexts', { model: 'm', text });
    expect(await expectProblem(longText, 413, 'too-large')).toContain('textBytes');
    const tokens = new Array<number>(LIMITS.contextTokens + 1).fill(1);
    const manyTokens = await sendJson('POST', '/v1/contexts', { model: 'm', tokens });
    expect(await expectProblem(manyTokens, 413, 'context-too-large')).toContain('contextTokens');
    expect(requests).toEqual([]);
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
    const id = unusedId();
    fakeOrigin(() => Response.json(job(id, 'queued')));
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

  it.each<[string, () => Response | Promise<Response>, number, string]>([
    ['is away', unreachable, 503, 'origin-unreachable'],
    [
      'is behind a gateway that cannot reach it',
      () => new Response('x', { status: 502 }),
      503,
      'origin-unreachable',
    ],
    ['is down as Cloudflare sees it', () => new Response('x', { status: 530 }), 503, 'origin-unreachable'],
    ['answers with a page', () => new Response('<html>', { status: 400 }), 502, 'origin-failed'],
    ['answers with no JSON', () => new Response('<html>'), 502, 'origin-failed'],
    ['answers with other JSON', () => Response.json({ ok: true }), 502, 'origin-failed'],
    [
      'redirects',
      () => new Response(null, { status: 302, headers: { location: '/' } }),
      502,
      'origin-failed',
    ],
    ['refuses the Worker', () => new ProblemError('unauthorized', 'x').toResponse(), 502, 'origin-failed'],
    ['has an internal error', () => new ProblemError('internal', 'x').toResponse(), 502, 'origin-failed'],
    [
      'does not know the model',
      () => new ProblemError('model-unknown', 'x').toResponse(),
      404,
      'model-unknown',
    ],
    [
      'finds it too long',
      () => new ProblemError('context-too-large', 'x').toResponse(),
      413,
      'context-too-large',
    ],
    [
      'has a code of its own',
      () =>
        Response.json(
          { type: 'x', title: 'x', status: 400, detail: 'x', code: 'odd', remedy: '' },
          { status: 400, headers: { 'content-type': 'application/problem+json' } },
        ),
      502,
      'origin-failed',
    ],
  ])('when the origin %s', async (_name, answer, status, code) => {
    fakeOrigin(answer);
    await expectProblem(await sendJson('POST', '/v1/contexts', body), status, code);
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

  it("streams the origin's events through", async () => {
    const id = unusedId();
    const events = 'event: chunk\ndata: {"type":"chunk","chunksDone":1,"chunksTotal":2}\n\n';
    const requests = fakeOrigin(
      () => new Response(events, { headers: { 'content-type': 'text/event-stream' } }),
    );
    const response = await edge(`/v1/contexts/${id}/events`);
    expect(await response.text()).toBe(events);
    expect(requests[0]!.url).toBe(`${ORIGIN_URL}/v1/jobs/${id}/events`);
  });

  it('answers with a problem when there is nothing to stream', async () => {
    const path = `/v1/contexts/${unusedId()}/events`;
    fakeOrigin(() => new ProblemError('context-not-found', 'no job').toResponse());
    await expectProblem(await edge(path), 404, 'context-not-found');
    fakeOrigin(() => new Response('no such page', { status: 404 }));
    await expectProblem(await edge(path), 502, 'origin-failed');
    fakeOrigin(unreachable);
    await expectProblem(await edge(path), 503, 'origin-unreachable');
    fakeOrigin(() => Response.json({}));
    await expectProblem(await edge(path), 502, 'origin-failed');
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
