import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeEdge, problem, queueJob, startFakeEdge } from './support/fake-edge.ts';
import { type TestOrigin, testOrigin } from './support/origin.ts';

const TEXT = 'It was a dark and stormy night. '.repeat(20); // 640 tokens: three chunks

/** A busy machine takes its time. */
const POLL = { timeout: 30_000 };

let edge: FakeEdge;
let origin: TestOrigin;

beforeEach(async () => {
  edge = await startFakeEdge();
  origin = testOrigin(edge);
});

afterEach(async () => {
  await origin.close();
  await edge.close();
});

const ask = (text = TEXT, expiresAt: string | null = null) =>
  queueJob(edge, { model: 'fake', text }, expiresAt);
const puts = () => edge.log.filter((line) => line.startsWith('PUT')).map((line) => line.split('/')[2]);
const types = (job: string) => edge.events.get(job)!.map((event) => event.type);

async function publishedId(job: string): Promise<string> {
  const last = await origin.settled(job);
  if (last.type !== 'published') throw new Error(`failed with ${last.code}`);
  return last.id;
}

describe('publishing', () => {
  test('puts the payloads first and the manifest last, and tells how it goes', async () => {
    origin.runner.start();
    const job = ask();
    const id = await publishedId(job);
    expect(puts()).toEqual(['profiles', 'chunks', 'chunks', 'chunks', 'contexts']);
    expect(edge.events.get(job)![0]).toEqual({ type: 'tokenized', id, tokenCount: 640, chunksTotal: 3 });
    expect(types(job)).toEqual(['tokenized', 'prefilled', 'chunk', 'chunk', 'chunk', 'published']);
    const manifest = edge.manifests.get(id);
    expect(manifest?.chunks.map((chunk) => chunk.tokenCount)).toEqual([256, 256, 128]);
    expect(
      edge.tokens
        .get(id)
        ?.chunks.map((chunk) => chunk.text)
        .join(''),
    ).toBe(TEXT);
  });

  test('of what the edge has computes nothing and sends the manifest alone', async () => {
    origin.runner.start();
    const id = await publishedId(ask());
    edge.log.length = 0;
    expect(await publishedId(ask())).toBe(id);
    expect(puts()).toEqual(['contexts']);
    expect(origin.engine.prefills).toBe(1);
  });

  test('of tokens and of the text they stand for is the same context', async () => {
    origin.runner.start();
    const id = await publishedId(ask());
    const byTokens = queueJob(edge, { model: 'fake', tokens: [...new TextEncoder().encode(TEXT)] });
    expect(await publishedId(byTokens)).toBe(id);
  });

  test('gives the manifest the expiry last heard of', async () => {
    origin.runner.start();
    const id = await publishedId(ask(TEXT, '2030-01-01T00:00:00.000Z'));
    expect(edge.manifests.get(id)?.expiresAt).toBeNull(); // as the answers to its reports say
  });

  test('a longer text reuses the chunks of its prefix', async () => {
    origin.runner.start();
    await publishedId(ask());
    edge.log.length = 0;
    await publishedId(ask(`${TEXT.slice(0, 512)}An end of its own.`));
    expect(puts()).toEqual(['chunks', 'contexts']);
  });
});

describe('faults', () => {
  test('an engine that fails half-way fails the job and publishes nothing; the next job succeeds', async () => {
    origin.engine.failNextPrefill = true;
    origin.runner.start();
    expect(await origin.settled(ask())).toMatchObject({ type: 'failed', code: 'engine-failed' });
    expect(edge.manifests.size).toBe(0);
    await publishedId(ask());
  });

  test('an edge that is away is waited for', async () => {
    let refused = 0;
    edge.intercept = (request) => {
      if (request.method !== 'PUT' || !request.url?.startsWith('/v1/chunks/') || refused >= 3) return false;
      refused += 1;
      request.socket.destroy();
      return true;
    };
    origin.runner.start();
    await publishedId(ask());
    expect(refused).toBe(3);
    expect(origin.engine.prefills).toBe(1);
  });

  test('an edge that refuses fails the job with its code', async () => {
    edge.intercept = (request, response) =>
      request.url!.startsWith('/v1/chunks/') &&
      request.method === 'PUT' &&
      problem(response, 'invalid-chunk');
    origin.runner.start();
    expect(await origin.settled(ask())).toMatchObject({ type: 'failed', code: 'invalid-chunk' });
    expect(edge.manifests.size).toBe(0);
  });

  test('an edge that refuses the token is asked again', async () => {
    let refused = 0;
    edge.intercept = (request, response) =>
      request.url === '/v1/jobs/lease' && ++refused <= 2 && problem(response, 'forbidden');
    origin.runner.start();
    await publishedId(ask());
    expect(refused).toBeGreaterThan(2);
  });

  test('a stopped origin gives its job back, and the next sends no chunk twice', async () => {
    const { promise: secondChunk, resolve } = Promise.withResolvers<void>();
    let chunkPuts = 0;
    edge.intercept = (request) => {
      if (request.method !== 'PUT' || !request.url?.startsWith('/v1/chunks/')) return false;
      chunkPuts += 1;
      if (chunkPuts === 2) resolve();
      return chunkPuts === 2; // never answered
    };
    origin.runner.start();
    const job = ask();
    await secondChunk;
    expect(edge.manifests.size).toBe(0);
    await origin.close();
    expect(edge.released).toEqual([job]);
    edge.intercept = null;
    edge.log.length = 0;

    origin = testOrigin(edge);
    origin.runner.start();
    const id = await publishedId(ask());
    expect(puts()).toEqual(['chunks', 'chunks', 'contexts']);
    expect(edge.manifests.get(id)?.chunks).toHaveLength(3);
  });
});

describe('a lease', () => {
  test('is kept by reports while nothing happens', async () => {
    edge.leaseSeconds = 0.1;
    let held = 0;
    edge.intercept = (request) => {
      if (request.url?.endsWith('/report')) held += 1;
      return request.method === 'HEAD' && held < 6; // the profile's question hangs
    };
    origin.runner.start();
    ask();
    await expect.poll(() => held, POLL).toBeGreaterThan(5);
  });

  test('that is lost ends the work before anything is published', async () => {
    edge.leaseSeconds = 0.05;
    const job = ask();
    edge.intercept = (request) => {
      const isChunk = request.method === 'PUT' && request.url!.startsWith('/v1/chunks/');
      if (isChunk) edge.lost.add(job);
      return isChunk; // never answered
    };
    origin.runner.start();
    await expect.poll(() => edge.lost.size, POLL).toBe(1);
    await delay(200);
    edge.intercept = null;
    const next = ask('Another text.');
    await origin.settled(next); // the origin has gone on
    expect(edge.manifests.size).toBe(1);
    expect(types(job)).not.toContain('failed');
  });

  test('of a job that another job makes is dropped before it is computed', async () => {
    const job = ask();
    edge.lost.add(job);
    origin.runner.start();
    await origin.settled(ask('Another text.'));
    expect(types(job)).toEqual([]);
    expect(origin.engine.prefills).toBe(1);
  });
});
