import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeEdge, problem, startFakeEdge } from './support/fake-edge.ts';
import { type TestOrigin, temporaryFolder, testOrigin } from './support/origin.ts';

const TEXT = 'It was a dark and stormy night. '.repeat(20); // 640 tokens: three chunks

let edge: FakeEdge;
let origin: TestOrigin;
let folder: ReturnType<typeof temporaryFolder>;

beforeEach(async () => {
  folder = temporaryFolder();
  edge = await startFakeEdge();
  origin = testOrigin(folder.folder, edge);
});

afterEach(async () => {
  await origin.close();
  await edge.close();
  folder.remove();
});

const submit = async (text = TEXT) => (await origin.post({ model: 'fake', text })).json();
const puts = () => edge.log.filter((line) => line.startsWith('PUT')).map((line) => line.split('/')[2]);

describe('publishing', () => {
  test('puts the payloads first and the manifest last', async () => {
    const response = await origin.post({ model: 'fake', text: TEXT });
    expect(response.status).toBe(202);
    const status = await response.json();
    expect(status).toMatchObject({ state: 'queued', tokenCount: 640, chunksDone: 0, chunksTotal: 3 });
    origin.runner.start();
    expect(await origin.settled(status.id)).toBe('published');
    expect(puts()).toEqual(['profiles', 'chunks', 'chunks', 'chunks', 'contexts']);
    const manifest = edge.manifests.get(status.id);
    expect(manifest?.chunks.map((chunk) => chunk.tokenCount)).toEqual([256, 256, 128]);
    expect(
      edge.tokens
        .get(status.id)
        ?.chunks.map((chunk) => chunk.text)
        .join(''),
    ).toBe(TEXT);
  });

  test('of the same text finds the same job and computes nothing', async () => {
    origin.runner.start();
    const { id } = await submit();
    await origin.settled(id);
    const again = await origin.post({ model: 'fake', text: TEXT });
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject({ id, state: 'published', chunksDone: 3 });
    expect(origin.engine.prefills).toBe(1);
  });

  test('of tokens and of the text they stand for is the same context', async () => {
    const { id } = await submit();
    const byTokens = await origin.post({ model: 'fake', tokens: [...new TextEncoder().encode(TEXT)] });
    expect((await byTokens.json()).id).toBe(id);
  });

  test('again after the edge lost everything makes everything anew', async () => {
    origin.runner.start();
    const { id } = await submit();
    await origin.settled(id);
    edge.manifests.clear();
    edge.chunks.clear();
    edge.profiles.clear();
    const again = await origin.post({ model: 'fake', text: TEXT });
    expect(again.status).toBe(202);
    expect(await origin.settled(id)).toBe('published');
    expect(edge.chunks.size).toBe(3);
    expect(edge.manifests.has(id)).toBe(true);
  });

  test('a longer text reuses the chunks of its prefix', async () => {
    origin.runner.start();
    await origin.settled((await submit()).id);
    edge.log.length = 0;
    const { id } = await submit(`${TEXT.slice(0, 512)}An end of its own.`);
    expect(await origin.settled(id)).toBe('published');
    expect(puts()).toEqual(['chunks', 'contexts']);
  });
});

describe('faults', () => {
  test('an engine that fails half-way fails the job and publishes nothing; the next publish succeeds', async () => {
    origin.engine.failNextPrefill = true;
    origin.runner.start();
    const { id } = await submit();
    expect(await origin.settled(id)).toBe('failed');
    expect(edge.manifests.size).toBe(0);
    const failed = await (await origin.get(`/v1/jobs/${id}`)).json();
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'engine-failed' } });
    const again = await origin.post({ model: 'fake', text: TEXT });
    expect(again.status).toBe(202);
    expect((await again.json()).error).toBeUndefined();
    expect(await origin.settled(id)).toBe('published');
  });

  test('an edge that is away keeps the job queued until it is back', async () => {
    let refused = 0;
    let stateMeanwhile = '';
    edge.intercept = (request, response) => {
      if (request.method !== 'PUT' || !request.url?.startsWith('/v1/chunks/') || refused >= 3) return false;
      refused += 1;
      if (refused > 1) stateMeanwhile = origin.store.find(id)?.state ?? '';
      request.socket.destroy();
      return response !== undefined;
    };
    const { id } = await submit();
    origin.runner.start();
    expect(await origin.settled(id)).toBe('published');
    expect(refused).toBe(3);
    expect(stateMeanwhile).toBe('queued');
    expect(origin.engine.prefills).toBe(1);
  });

  test('an edge that refuses fails the job with its code', async () => {
    edge.intercept = (request, response) =>
      request.url!.startsWith('/v1/chunks/') &&
      request.method === 'PUT' &&
      problem(response, 'invalid-chunk');
    origin.runner.start();
    const { id } = await submit();
    expect(await origin.settled(id)).toBe('failed');
    expect(origin.store.find(id)?.error?.code).toBe('invalid-chunk');
    expect(edge.manifests.size).toBe(0);
  });

  test('a stopped origin goes on after its next start and sends no chunk twice', async () => {
    const { id } = await submit();
    const { promise: secondChunk, resolve } = Promise.withResolvers<void>();
    let chunkPuts = 0;
    edge.intercept = (request) => {
      if (request.method !== 'PUT' || !request.url?.startsWith('/v1/chunks/')) return false;
      chunkPuts += 1;
      if (chunkPuts === 2) resolve();
      return chunkPuts === 2; // never answered
    };
    origin.runner.start();
    await secondChunk;
    expect(edge.manifests.size).toBe(0);
    await origin.close();
    edge.intercept = null;
    edge.log.length = 0;

    origin = testOrigin(folder.folder, edge);
    expect(origin.store.find(id)).toMatchObject({ state: 'running', chunksDone: 1 });
    origin.runner.start();
    expect(await origin.settled(id)).toBe('published');
    expect(puts()).toEqual(['chunks', 'chunks', 'contexts']);
    expect(edge.manifests.get(id)?.chunks).toHaveLength(3);
  });

  test('a second origin on the same state is refused', () => {
    expect(() => testOrigin(folder.folder, edge)).toThrow(/another origin/);
  });
});
