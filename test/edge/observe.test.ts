import { afterEach, describe, expect, it, vi } from 'vitest';
import { edge, publishContext, put, sendJson, tokenFor } from './support/edge.ts';
import { makeChunk, makeContext, unusedId } from './support/objects.ts';

interface Line {
  time: string;
  level: string;
  message: string;
  requestId?: string;
  route?: string;
  status?: number;
  tenant?: string;
  [field: string]: unknown;
}

/** Everything written to the console meanwhile, parsed: a line that is not JSON fails the test. */
function capture(): { raw: () => string; lines: () => Line[] } {
  const written: string[] = [];
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, name).mockImplementation((...args) => void written.push(args.join(' ')));
  }
  return { raw: () => written.join('\n'), lines: () => written.map((line) => JSON.parse(line) as Line) };
}

afterEach(() => vi.restoreAllMocks());

describe('the log of requests', () => {
  it('has one line a request: id, pattern, status, bytes, cache, milliseconds', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    const log = capture();
    await edge(`/v1/chunks/${id}`, { headers: { 'x-request-id': 'seen-1' } });
    expect(log.lines()).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: 'info',
        message: 'request',
        requestId: 'seen-1',
        method: 'GET',
        route: '/v1/chunks/{id}',
        status: 200,
        bytes: object.length,
        cache: 'kvedge; fwd=uri-miss; stored',
        ms: expect.any(Number),
      },
    ]);
  });

  it('names a tenant by a hash only, the same each time', async () => {
    const log = capture();
    await put(`/v1/chunks/${unusedId()}`, new Uint8Array([1]));
    await put(`/v1/chunks/${unusedId()}`, new Uint8Array([2]));
    const [first, second] = log.lines();
    expect(first!.tenant).toMatch(/^[0-9a-f]{12}$/);
    expect(second!.tenant).toBe(first!.tenant);
    expect(first!.code).toBe('invalid-chunk');
    expect(log.raw()).not.toContain('"test"');
  });

  it('leaves out what went well, if so configured', async () => {
    const log = capture();
    const env = { LOG_REQUESTS: 'problems' };
    await edge('/healthz', { env });
    await edge(`/v1/chunks/${unusedId()}`, { env });
    expect(log.lines().map(({ code }) => code)).toEqual(['chunk-not-found']);
  });

  it('never holds text, tokens, secrets, bearer values, paths or queries', async () => {
    const context = await makeContext();
    context.chunks[0]!.text = 'CANARY-TEXT';
    const log = capture();
    const token = await tokenFor('publish');
    await publishContext(context);
    await edge(`/v1/contexts/${context.id}/tokens`);
    await edge('/v1/CANARY-PATH?secret=CANARY-QUERY', { headers: { authorization: 'Bearer CANARY-BEARER' } });
    await edge('/metrics?access_token=CANARY-QUERY', { headers: { authorization: 'Bearer CANARY-BEARER' } });
    await edge(`/v1/chunks/${context.ids[0]}?level=CANARY-LEVEL`);
    await sendJson('POST', '/v1/contexts', {
      model: 'CANARY-MODEL',
      text: 'CANARY-TEXT',
      tokens: [987_654_321],
    });
    await sendJson('POST', '/v1/contexts', '{"text": "CANARY-TEXT');
    await sendJson('PUT', `/v1/contexts/${context.id}`, {
      manifest: context.manifest,
      chunks: 'CANARY-TEXT',
    });
    const failing = new Proxy({} as R2Bucket, {
      get: () => () => Promise.reject(new Error('CANARY-MESSAGE')),
    });
    const id = unusedId();
    await edge(`/v1/chunks/${id}`, { env: { BLOBS: failing } });
    await put(`/v1/chunks/${id}`, makeChunk({ id }), { env: { BLOBS: failing } });

    expect(log.lines().length).toBeGreaterThan(10);
    expect(log.lines().filter(({ message }) => message === 'internal error')).toHaveLength(1);
    const raw = log.raw();
    expect(raw).not.toContain('CANARY');
    expect(raw).not.toContain(token);
    expect(raw).not.toContain('origin-secret');
    expect(raw).not.toContain('k'.repeat(16));
    expect(raw).not.toContain('987654321');
    for (const { tokens } of context.chunks) expect(raw).not.toContain(String(tokens[0]));
  });
});
