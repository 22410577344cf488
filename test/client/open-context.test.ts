import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { contextChunks, openContext, Profiles } from '../../src/client/index.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import { fakeCodec } from '../origin/support/fake-codec.ts';
import { type FakeEdge, problem, queueJob, startFakeEdge } from '../origin/support/fake-edge.ts';
import { type FakeEngine, fakeEngine, planesOf } from '../origin/support/fake-engine.ts';
import { SIGNER, testOrigin } from '../origin/support/origin.ts';

const TEXT = 'Stately, plump Buck Mulligan came from the stairhead. '.repeat(20);
const TOKENS = new TextEncoder().encode(TEXT);

let edge: FakeEdge;
let id: string;
let engine: FakeEngine;
let profiles: Profiles;
let published: { chunks: [string, Uint8Array][]; manifest: string; tokens: string };

beforeAll(async () => {
  edge = await startFakeEdge();
  const origin = testOrigin(edge);
  origin.runner.start();
  const settled = await origin.settled(queueJob(edge, { model: 'fake', text: TEXT }));
  if (settled.type === 'failed') throw new Error(settled.detail);
  id = settled.id;
  await origin.close();
  published = {
    chunks: [...edge.chunks],
    manifest: JSON.stringify(edge.manifests.get(id)),
    tokens: JSON.stringify(edge.tokens.get(id)),
  };
});

afterAll(async () => {
  await edge.close();
});

beforeEach(() => {
  engine = fakeEngine();
  profiles = new Profiles(fakeCodec(), null);
  edge.chunks = new Map(published.chunks.map(([key, bytes]) => [key, Uint8Array.from(bytes)]));
  edge.manifests.set(id, JSON.parse(published.manifest));
  edge.tokens.set(id, JSON.parse(published.tokens));
  edge.log.length = 0;
});

afterEach(() => {
  edge.intercept = null;
  profiles.close();
});

const open = (more: Partial<Parameters<typeof openContext>[0]> = {}) =>
  openContext({ edge: edge.url, id, engine, profiles, retries: 2, ...more });

async function failure(more: Parameters<typeof open>[0] = {}) {
  const error = await open(more).then(
    () => {
      throw new Error('expected a failure');
    },
    (reason) => reason,
  );
  expect(engine.loads).toEqual([]);
  expect(engine.openSequences).toBe(0);
  return error;
}

describe('a published context', () => {
  test('is loaded into one state with all its tokens', async () => {
    const { sequence, manifest, report } = await open();
    expect(manifest.id).toBe(id);
    expect(engine.loads).toHaveLength(1);
    expect([...sequence.tokens]).toEqual([...TOKENS]);
    expect(engine.loads[0]!.chunks.map((chunk) => chunk.tokenCount)).toEqual(
      manifest.chunks.map((c) => c.tokenCount),
    );
    const first = engine.loads[0]!.chunks[0]!;
    expect(first.data[0]).toBe(planesOf(Uint32Array.from(TOKENS)).data[0]);
    expect(report).toMatchObject({ level: 'standard', backend: 'reference' });
    expect(report.bytes.chunks).toBe(
      manifest.chunks.reduce((sum, chunk) => sum + chunk.levels.at(-1)!.bytes, 0),
    );
    expect(report.bytes.profile).toBeGreaterThan(0);
  });

  test('costs only the bytes of the level asked for', async () => {
    const { report, manifest } = await open({ level: 'draft' });
    expect(report.bytes.chunks).toBe(manifest.chunks.reduce((sum, chunk) => sum + chunk.levels[0]!.bytes, 0));
  });

  test('can be read chunk by chunk, in order', async () => {
    const positions: number[] = [];
    for await (const chunk of contextChunks({ edge: edge.url, id, profiles, concurrency: 2 })) {
      positions.push(chunk.planes.firstPosition);
      expect(chunk.tokens).toHaveLength(chunk.planes.tokenCount);
    }
    expect(positions).toEqual([0, 256, 512, 768, 1024]);
  });

  test('leaving the loop early stops the transfers', async () => {
    for await (const _ of contextChunks({ edge: edge.url, id, profiles, concurrency: 1 })) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(edge.log.filter((line) => line.includes('/chunks/')).length).toBeLessThanOrEqual(2);
  });

  test('fetches the profile once for many contexts', async () => {
    await open();
    const { report } = await open();
    expect(report.bytes.profile).toBe(0);
    expect(edge.log.filter((line) => line.includes('/profiles/'))).toHaveLength(1);
  });
});

describe('a transfer that breaks', () => {
  test('goes on by range where it stopped', async () => {
    const ranges: string[] = [];
    const [chunk] = published.chunks[0]!;
    edge.intercept = (request, response) => {
      if (!request.url?.includes(chunk)) return false;
      ranges.push(request.headers.range!);
      if (ranges.length > 1) return false;
      const stored = edge.chunks.get(chunk)!;
      response.writeHead(206, {
        'content-range': `bytes 0-${stored.length - 1}/${stored.length}`,
        'content-length': stored.length,
      });
      response.write(stored.subarray(0, 1000));
      setTimeout(() => response.destroy(), 20);
      return true;
    };
    await open();
    expect(ranges).toHaveLength(2);
    expect(ranges[1]).toMatch(/^bytes=1000-/);
    expect(engine.loads).toHaveLength(1);
  });

  test.each([
    ['is still the same', '"a"', undefined],
    ['has changed', '"b"', 'integrity-failed'],
  ])('is resumed only if the object %s', async (_, tag, code) => {
    const asked: (string | undefined)[] = [];
    const [chunk] = published.chunks[0]!;
    edge.intercept = (request, response) => {
      if (!request.url?.includes(chunk)) return false;
      asked.push(request.headers['if-range'] as string | undefined);
      const from = Number(/\d+/.exec(request.headers.range!)![0]);
      const stored = edge.chunks.get(chunk)!;
      response.writeHead(206, {
        'content-range': `bytes ${from}-${stored.length - 1}/${stored.length}`,
        'content-length': stored.length - from,
        etag: asked.length === 1 ? '"a"' : tag,
      });
      if (asked.length > 1) return !!response.end(stored.subarray(from));
      response.write(stored.subarray(0, 1000));
      setTimeout(() => response.destroy(), 20);
      return true;
    };
    if (code === undefined) await open();
    else expect((await failure()).code).toBe(code);
    expect(asked).toEqual([undefined, '"a"']);
  });

  test('is tried again after 503, and after the retries the edge counts as unreachable', async () => {
    let refusals = 2;
    edge.intercept = (_, response) => refusals-- > 0 && problem(response, 'origin-unreachable');
    await open();
    refusals = Number.POSITIVE_INFINITY;
    engine.loads.length = 0;
    engine.openSequences = 0;
    expect((await failure()).code).toBe('edge-unreachable');
  });

  test('of an edge that ignores Range still gives the level', async () => {
    edge.intercept = (request) => {
      delete request.headers.range;
      return false;
    };
    await open({ level: 'draft' });
    expect(engine.loads).toHaveLength(1);
  });
});

describe('nothing is loaded from', () => {
  test.each([
    ['altered', (bytes: Uint8Array) => bytes.with(bytes.length - 5, bytes.at(-5)! ^ 1)],
    ['altered in its header', (bytes: Uint8Array) => bytes.with(20, bytes[20]! ^ 1)],
  ])('an edge whose chunk is %s', async (_, alter) => {
    const [chunk, bytes] = published.chunks[1]!;
    edge.chunks.set(chunk, alter(bytes));
    const error = await failure();
    expect(error.code).toBe('integrity-failed');
    expect(error.message).toMatch(/SHA-256/);
    expect(error.remedy).not.toBe('');
  });

  test('an edge whose chunk is truncated', async () => {
    const [chunk, bytes] = published.chunks[1]!;
    edge.chunks.set(chunk, bytes.subarray(0, bytes.length - 10));
    expect((await failure({ retries: 0 })).code).toBe('edge-unreachable');
  });

  test('an edge that swaps two chunks and signs for it in the manifest', async () => {
    const manifest = JSON.parse(published.manifest);
    const [a, b] = [published.chunks[0]!, published.chunks[1]!];
    edge.chunks.set(a[0], b[1]).set(b[0], a[1]);
    const swapped = manifest.chunks[0].levels;
    manifest.chunks[0].levels = manifest.chunks[1].levels;
    manifest.chunks[1].levels = swapped;
    edge.manifests.set(id, manifest);
    const error = await failure();
    expect(error.code).toBe('integrity-failed');
    expect(error.message).toMatch(/header says chunkId/);
  });

  test('an edge that gives other tokens', async () => {
    const tokens = JSON.parse(published.tokens);
    tokens.chunks[1].tokens[7] ^= 1;
    edge.tokens.set(id, tokens);
    const error = await failure();
    expect(error.code).toBe('integrity-failed');
    expect(error.message).toMatch(/tokens of chunk 1/);
  });

  test('an edge that gives the manifest of another context', async () => {
    const other = 'f'.repeat(64);
    edge.manifests.set(other, JSON.parse(published.manifest));
    expect((await failure({ id: other })).code).toBe('integrity-failed');
  });

  test('an edge whose profile is not the one named', async () => {
    edge.intercept = (request, response) => {
      if (!request.url?.includes('/profiles/')) return false;
      response.writeHead(200).end('{"modelFingerprint":"x"}');
      return true;
    };
    expect((await failure()).code).toBe('integrity-failed');
  });

  test('an edge that answers with something else', async () => {
    edge.intercept = (_, response) => {
      response.writeHead(200).end('<html>');
      return true;
    };
    expect((await failure()).code).toBe('edge-answer-invalid');
  });

  test('a context of another model', async () => {
    engine = fakeEngine({ weights: 'b' });
    expect((await failure()).code).toBe('model-mismatch');
  });

  test('a level that does not exist', async () => {
    const error = await failure({ level: 'ultra' });
    expect(error.code).toBe('level-unknown');
    expect(error.message).toMatch(/draft, standard/);
  });

  test('an id that was never published', async () => {
    expect((await failure({ id: 'e'.repeat(64) })).code).toBe('context-not-found');
  });

  test('a context that was deleted, or has expired', async () => {
    edge.intercept = (request, response) => {
      if (request.url !== `/v1/contexts/${id}`) return false;
      const problem = new ProblemError('context-gone', 'it expired').toResponse();
      response.writeHead(410, { 'content-type': 'application/problem+json' });
      void problem.text().then((body) => response.end(body));
      return true;
    };
    expect((await failure()).code).toBe('context-gone');
  });

  test('the id of a job, whose context the edge forwards to', async () => {
    const job = 'b'.repeat(64);
    edge.intercept = (request, response) => {
      if (request.url !== `/v1/contexts/${job}`) return false;
      response.writeHead(303, { location: `/v1/contexts/${id}` });
      response.end();
      return true;
    };
    const error = await failure({ id: job });
    expect(error.code).toBe('context-is-job');
    expect(error.message).toContain(id);
  });

  test('a context that is still being computed', async () => {
    edge.intercept = (request, response) => {
      if (request.url !== `/v1/contexts/${id}`) return false;
      const job = {
        id,
        state: 'running',
        model: 'fake',
        contextId: id,
        tokenCount: 9,
        chunksDone: 0,
        chunksTotal: 1,
      };
      response.writeHead(202).end(JSON.stringify(job));
      return true;
    };
    expect((await failure()).code).toBe('context-pending');
  });

  test('an edge that is not there', async () => {
    expect((await failure({ edge: 'http://127.0.0.1:1', retries: 0 })).code).toBe('edge-unreachable');
  });

  test('a load that was aborted, which rejects with the reason', async () => {
    const controller = new AbortController();
    edge.intercept = (request) => {
      if (!request.url?.includes('/chunks/')) return false;
      controller.abort(new Error('changed my mind'));
      return true;
    };
    expect((await failure({ signal: controller.signal })).message).toBe('changed my mind');
  });
});

describe('with trusted keys', () => {
  const trustedKeys = [SIGNER.publicKey];
  const other = `${'B'.repeat(42)}A`;
  const alter = (change: (manifest: Manifest) => Manifest) =>
    edge.manifests.set(id, change(JSON.parse(published.manifest)));

  test('a context that its publisher signed is loaded, also while keys are rotated', async () => {
    await open({ trustedKeys });
    await open({ trustedKeys: [other, ...trustedKeys] });
    expect(engine.loads).toHaveLength(2);
  });

  test.each<[string, string, (manifest: Manifest) => Manifest]>([
    ['signature-missing', 'has no signature', ({ signature: _, ...manifest }) => manifest],
    [
      'signature-untrusted',
      'names another key',
      (manifest) => ({ ...manifest, signature: { ...manifest.signature!, publicKey: other } }),
    ],
    [
      'signature-invalid',
      'swaps a level',
      (manifest) => {
        manifest.chunks[0]!.levels[0]!.sha256 = 'a'.repeat(64);
        return manifest;
      },
    ],
    [
      'signature-invalid',
      'expires later',
      (manifest) => ({ ...manifest, expiresAt: '2099-01-01T00:00:00.000Z' }),
    ],
  ])('%s: nothing but the manifest is fetched if it %s', async (code, _, change) => {
    alter(change);
    const error = await failure({ trustedKeys });
    expect(error.code).toBe(code);
    expect(error.remedy).not.toBe('');
    expect(edge.log).toEqual([`GET /v1/contexts/${id}`]);
  });

  test('of nobody, nothing is loaded; without any, signatures are not looked at', async () => {
    expect((await failure({ trustedKeys: [] })).code).toBe('signature-untrusted');
    alter(({ signature: _, ...manifest }) => manifest);
    await open();
    expect(engine.loads).toHaveLength(1);
  });
});
