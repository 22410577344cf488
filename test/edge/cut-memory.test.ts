import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createEdge } from '../../src/edge/app.ts';
import { CutMemory } from '../../src/edge/cut-memory.ts';
import type { Env } from '../../src/edge/env.ts';
import { sha256Hex } from '../../src/protocol/ids.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { BINDINGS, edge, expectProblem, put, SECRET } from './support/edge.ts';
import { makeChunk, makeProfile, unusedId } from './support/objects.ts';

describe('CutMemory', () => {
  it('refuses a chunk above the limit for good', () => {
    const memory = new CutMemory();
    expect(() => memory.draw(LIMITS.cutBytes + 1)).toThrow(
      expect.objectContaining({ code: 'cut-too-large' }),
    );
    memory.draw(LIMITS.cutBytes);
  });

  it('lets others wait until what is drawn is given back', () => {
    const memory = new CutMemory();
    const { giveBack } = memory.draw(LIMITS.cutBytes - 1);
    memory.draw(1);
    expect(() => memory.draw(1)).toThrow(expect.objectContaining({ code: 'cuts-busy', status: 503 }));
    giveBack();
    memory.draw(LIMITS.cutBytes - 1);
  });

  it('forgets what was drawn and not heard of for long, but not what is renewed', () => {
    vi.useFakeTimers();
    try {
      const memory = new CutMemory();
      const { renew, giveBack } = memory.draw(LIMITS.cutBytes);
      vi.advanceTimersByTime(20_000);
      renew();
      vi.advanceTimersByTime(20_000);
      expect(() => memory.draw(1)).toThrow(expect.objectContaining({ code: 'cuts-busy' }));
      vi.advanceTimersByTime(10_000);
      memory.draw(LIMITS.cutBytes);
      giveBack();
      renew(); // too late: nothing is drawn anew
      expect(() => memory.draw(1)).toThrow(expect.objectContaining({ code: 'cuts-busy' }));
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the budget for cuts by layers', () => {
  const app = createEdge();
  const id = unusedId();
  const path = `/v1/chunks/${id}`;
  const passes = 4;
  const groups = 2;
  /** More than half of the budget, so that there is room for one cut. */
  const wordBytes = Math.ceil(LIMITS.cutBytes / (2 * passes * groups));

  beforeAll(async () => {
    const profile = makeProfile();
    const profileId = await sha256Hex(profile);
    await put(`/v1/profiles/${profileId}`, profile);
    const stored = await put(path, makeChunk({ id, profileId, wordBytes }));
    expect(stored.status).toBe(201);
  });

  /** A request whose body is for the test to read; `done` when nothing of it is under way any more. */
  async function open(query: string, headers: HeadersInit = {}) {
    const ctx = createExecutionContext();
    const response = await app.fetch(
      new Request(`https://edge.test${path}?${query}`, { headers }),
      {
        ...BINDINGS,
        KVEDGE_TOKEN_KEYS: SECRET,
        TENANT_REQUESTS: undefined,
        TENANT_PUBLISHES: undefined,
        METRICS: undefined,
      } as unknown as Env,
      ctx,
    );
    return { response, done: () => waitOnExecutionContext(ctx) };
  }

  it('is held until the body has been read', async () => {
    const { response, done } = await open('layers=0-1');
    expect(response.status).toBe(200);
    await expectProblem(await edge(`${path}?layers=2-3`), 503, 'cuts-busy');
    const body = await response.arrayBuffer();
    expect(body.byteLength).toBe(Number(response.headers.get('content-length')));
    await done();
    expect((await edge(`${path}?layers=2-3`)).status).toBe(200);
  });

  it('is given back when the client hangs up', async () => {
    const { response, done } = await open('layers=0-2');
    await expectProblem(await edge(`${path}?layers=1-3`), 503, 'cuts-busy');
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await expectProblem(await edge(`${path}?layers=1-3`), 503, 'cuts-busy');
    await reader.cancel(new Error('enough'));
    await done();
    expect((await edge(`${path}?layers=1-3`)).status).toBe(200);
  });

  it('is given back after answers without a body: a range beyond the end, HEAD', async () => {
    const beyond = await open('layers=0-0', { range: 'bytes=99999999-' });
    expect(beyond.response.status).toBe(416);
    await beyond.done();
    expect((await edge(`${path}?layers=1-1`, { method: 'HEAD' })).status).toBe(200);
    expect((await edge(`${path}?layers=2-2`)).status).toBe(200);
  });
});
