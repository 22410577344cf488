import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type EdgeStreamOptions, edgeStream, Profiles } from '../../../src/client/index.ts';
import { frameHeader } from '../../../src/protocol/stream-frames.ts';
import { fakeCodec } from '../../origin/support/fake-codec.ts';
import { type FakeEdge, queueJob, startFakeEdge } from '../../origin/support/fake-edge.ts';
import { testOrigin } from '../../origin/support/origin.ts';

const TEXT = 'Stately, plump Buck Mulligan came from the stairhead. '.repeat(20);
const LEVELS = ['standard', 'standard', 'draft', null, null];

let edge: FakeEdge;
let id: string;
let profiles: Profiles;

beforeAll(async () => {
  edge = await startFakeEdge();
  const origin = testOrigin(edge);
  origin.runner.start();
  const settled = await origin.settled(queueJob(edge, { model: 'fake', text: TEXT }));
  if (settled.type === 'failed') throw new Error(settled.detail);
  id = settled.id;
  await origin.close();
});
afterAll(() => edge.close());
beforeEach(() => {
  profiles = new Profiles(fakeCodec(), null);
});
afterEach(() => {
  edge.intercept = null;
  profiles.close();
});

const json = (name: 'manifest' | 'tokens' | 'end', value: unknown) => {
  const payload = new TextEncoder().encode(JSON.stringify(value));
  return [frameHeader(name, payload.length), payload];
};

/** The stream that gives `LEVELS` to a client that has the first bytes of some chunks. */
function streamFor(have: number[] | null, alter = (_: Uint8Array) => {}): Buffer {
  const manifest = edge.manifests.get(id)!;
  const parts = have === null ? [json('manifest', manifest), json('tokens', edge.tokens.get(id))] : [];
  for (const [i, { id: chunk, levels }] of manifest.chunks.entries()) {
    const bytes = levels.find(({ name }) => name === LEVELS[i])?.bytes ?? 0;
    const from = have?.[i] ?? 0;
    if (bytes <= from) continue;
    const payload = Uint8Array.from(edge.chunks.get(chunk)!.subarray(from, bytes));
    alter(payload);
    parts.push([frameHeader('kv', payload.length, i, from), payload]);
  }
  parts.push(json('end', { levels: LEVELS }));
  return Buffer.concat(parts.flat());
}

async function drain(options: EdgeStreamOptions): Promise<void> {
  for await (const _ of edgeStream(options));
}

async function opened(more: Partial<EdgeStreamOptions> = {}) {
  const chunks = [];
  const options = { edge: edge.url, id, profiles, deadlineMs: 2_000, textTokensPerSecond: 400, ...more };
  for await (const chunk of edgeStream(options)) chunks.push(chunk);
  return chunks;
}

/** Answers stream requests; `answer` gets the `have` of each. */
function serve(answer: (response: ServerResponse, have: number[] | null) => void) {
  const queries: URLSearchParams[] = [];
  edge.intercept = (request, response) => {
    const url = new URL(request.url!, edge.url);
    if (!url.pathname.endsWith('/stream')) return false;
    queries.push(url.searchParams);
    const have = url.searchParams.get('have');
    answer(response, have === null ? null : have.split(',').map(Number));
    return true;
  };
  return queries;
}

test('every chunk comes at the level that the edge chose, verified, and the rest as tokens', async () => {
  const queries = serve((response, have) => response.end(streamFor(have)));
  const chunks = await opened();
  expect(chunks.map(({ kv }) => kv?.level ?? null)).toEqual(LEVELS);
  expect(chunks.flatMap(({ tokens }) => [...tokens])).toEqual([...new TextEncoder().encode(TEXT)]);
  expect(chunks[1]!.kv!.planes.firstPosition).toBe(256);
  expect(queries).toHaveLength(1);
});

test.each([0.05, 0.4, 0.8])(
  'a stream that breaks after %f of it goes on behind its last byte',
  async (share) => {
    const queries = serve((response, have) => {
      const body = streamFor(have);
      if (queries.length > 1) response.end(body);
      else
        response.write(body.subarray(0, share * body.length), () => setTimeout(() => response.destroy(), 20));
    });
    expect((await opened()).map(({ kv }) => kv?.level ?? null)).toEqual(LEVELS);
    expect(queries).toHaveLength(2);
    expect(Number(queries[1]!.get('deadlineMs'))).toBeLessThan(2_000);
  },
);

test('frames in another order, a second manifest and an end that does not fit are refused', async () => {
  const manifest = json('manifest', edge.manifests.get(id));
  const tokens = json('tokens', edge.tokens.get(id));
  const end = (levels: unknown) => json('end', { levels });
  for (const frames of [
    [end(LEVELS)],
    [tokens, manifest, end(LEVELS)],
    [manifest, end(LEVELS)],
    [manifest, tokens, manifest],
    [manifest, tokens, end(LEVELS.slice(1))],
    [manifest, tokens, end([null, ...LEVELS.slice(1)])],
  ]) {
    serve((response) => response.end(Buffer.concat(frames.flat())));
    await expect(opened()).rejects.toMatchObject({ code: 'integrity-failed' });
  }
});

test('text for a client that evaluates none is refused', async () => {
  serve((response, have) => response.end(streamFor(have)));
  await expect(drain({ edge: edge.url, id, profiles, deadlineMs: 2_000 })).rejects.toMatchObject({
    code: 'integrity-failed',
  });
});

test('a manifest that the caller refuses ends the transfer before anything else is read', async () => {
  const queries = serve((response) => {
    response.write(Buffer.concat(json('manifest', edge.manifests.get(id)))); // and nothing ever follows
  });
  const refusal = new Error('not this one');
  const checkManifest = () => {
    throw refusal;
  };
  await expect(opened({ checkManifest })).rejects.toBe(refusal);
  expect(queries).toHaveLength(1);
});

test('altered bytes, bytes that do not follow and a body that is no stream are refused', async () => {
  serve((response, have) => response.end(streamFor(have, (payload) => payload.fill(7, -9))));
  await expect(opened()).rejects.toMatchObject({ code: 'integrity-failed' });
  serve((response) => response.end(streamFor([5, 5, 5, 0, 0])));
  await expect(opened()).rejects.toMatchObject({ code: 'integrity-failed' });
  serve((response) => response.end(Buffer.alloc(64, 1)));
  await expect(opened()).rejects.toMatchObject({ code: 'edge-answer-invalid' });
});
