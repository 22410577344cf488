import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openContext, Profiles, Speeds, streamChunks } from '../../../src/client/index.ts';
import type { Engine } from '../../../src/engine/index.ts';
import { toHex } from '../../../src/protocol/ids.ts';
import { fakeCodec } from '../../origin/support/fake-codec.ts';
import { type FakeEdge, queueJob, startFakeEdge } from '../../origin/support/fake-edge.ts';
import { type FakeEngine, fakeEngine } from '../../origin/support/fake-engine.ts';
import { SIGNER, testOrigin } from '../../origin/support/origin.ts';

const TEXT = 'Stately, plump Buck Mulligan came from the stairhead. '.repeat(20);
const TOKENS = new TextEncoder().encode(TEXT);
const CHUNKS = 5;

let edge: FakeEdge;
let id: string;
let engine: FakeEngine;
let profiles: Profiles;
let chunkIds: string[];

beforeAll(async () => {
  edge = await startFakeEdge();
  const origin = testOrigin(edge);
  origin.runner.start();
  const settled = await origin.settled(queueJob(edge, { model: 'fake', text: TEXT }));
  if (settled.type === 'failed') throw new Error(settled.detail);
  id = settled.id;
  await origin.close();
  chunkIds = edge.manifests.get(id)!.chunks.map((chunk) => chunk.id);
});

afterAll(() => edge.close());

beforeEach(() => {
  engine = fakeEngine();
  profiles = new Profiles(fakeCodec(), null);
  edge.log.length = 0;
});

afterEach(() => {
  edge.intercept = null;
  profiles.close();
});

/** The fake engine, but a token takes time; and speeds that know it. */
function slowEngine(prefillMsPerToken: number): { engine: Engine; speeds: Speeds; evaluated: number[][] } {
  const evaluated: number[][] = [];
  const slow: Engine = {
    ...engine,
    openSequence: async (options) => {
      const sequence = await engine.openSequence(options);
      const prefill: typeof sequence.prefill = async (tokens) => {
        await delay(tokens.length * prefillMsPerToken);
        evaluated.push([...tokens]);
        await sequence.prefill(tokens);
      };
      return Object.defineProperties({ ...sequence, prefill }, { tokens: { get: () => sequence.tokens } });
    },
  };
  const speeds = new Speeds();
  speeds.observePrefill(toHex(engine.model.fingerprint), 0, 64, 64 * prefillMsPerToken);
  return { engine: slow, speeds, evaluated };
}

const open = (more: Partial<Parameters<typeof openContext>[0]> = {}) =>
  openContext({ edge: edge.url, id, engine, profiles, retries: 2, deadlineMs: 1_000, ...more });

/** Answers a chunk request with the bytes of its range up to `byte`, and then with silence. */
function stallAfter(request: IncomingMessage, response: ServerResponse, byte: number): true {
  const object = edge.chunks.get(request.url!.split('/').at(-1)!)!;
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!;
  response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${object.length}` });
  response.flushHeaders();
  response.write(object.subarray(Number(from), Math.max(Number(from), Math.min(Number(to) + 1, byte))));
  return true;
}

const isChunk = (request: IncomingMessage) => request.url!.includes('/chunks/');
const indexOf = (request: IncomingMessage) => chunkIds.indexOf(request.url!.split('/').at(-1)!);

describe('with time enough', () => {
  test('every chunk comes at the finest level, and is loaded once', async () => {
    const seen: (string | null)[][] = [];
    const { sequence, report } = await open({
      ...slowEngine(2),
      onProgress: ({ levels }) => seen.push([...levels]),
    });
    expect([...sequence.tokens]).toEqual([...TOKENS]);
    expect(engine.loads).toHaveLength(1);
    expect(report).toMatchObject({ level: 'standard', levels: Array(CHUNKS).fill('standard') });
    expect(report.plan!.history.at(-1)).toMatchObject({ act: 'load' });
    expect(report.plan!.requests).toBeGreaterThanOrEqual(CHUNKS);
    expect(report.totalMs).toBeLessThan(1_000);
    expect(seen.at(-1)).toEqual(Array(CHUNKS).fill('standard'));
  });

  test('a deadline of years ends as soon as the best is here', async () => {
    const { sequence } = await open({ ...slowEngine(2), deadlineMs: 1e12 });
    expect([...sequence.tokens]).toEqual([...TOKENS]);
  });

  test.each([{ deadlineMs: 1_000 }, { deadlineMs: undefined }])(
    'shared profiles that are closed meanwhile are still there for it: %o',
    async ({ deadlineMs }) => {
      const { deadlineMs: _, ...options } = { edge: edge.url, id, profiles, ...slowEngine(2), deadlineMs };
      const onProgress = () => profiles.close();
      const { sequence } = await openContext({
        ...options,
        onProgress,
        ...(deadlineMs !== undefined && { deadlineMs }),
      });
      expect([...sequence.tokens]).toEqual([...TOKENS]);
    },
  );

  test('the next session starts from what this one measured', async () => {
    const measured = slowEngine(2);
    const model = toHex(engine.model.fingerprint);
    await open({ ...measured, deadlineMs: 800 });
    const kept = Speeds.parse(JSON.stringify(measured.speeds));
    expect(kept.engine(model)!.prefillMsPerToken).toBeCloseTo(
      measured.speeds.engine(model)!.prefillMsPerToken,
    );
    expect(JSON.stringify(kept)).toBe(JSON.stringify(measured.speeds));
  });

  test('an engine that nothing is known of is measured first', async () => {
    const speeds = new Speeds();
    await open({ engine: slowEngine(0.5).engine, speeds });
    const { prefillMsPerToken } = speeds.engine(toHex(engine.model.fingerprint))!;
    expect(prefillMsPerToken).toBeGreaterThan(0.3);
    expect(engine.openSequences).toBe(1);
  });
});

describe('on a link that collapses', () => {
  test('what has arrived of a level that does not complete is used at the level before it', async () => {
    const drafts = edge.manifests.get(id)!.chunks.map(({ levels }) => levels[0]!.bytes);
    edge.intercept = (request, response) =>
      isChunk(request) && stallAfter(request, response, drafts[indexOf(request)]! + 700);
    const { sequence, report } = await open({ ...slowEngine(20), deadlineMs: 600 });
    expect(report.levels).toEqual(Array(CHUNKS).fill('draft'));
    expect([...sequence.tokens]).toEqual([...TOKENS]);
    expect(report.totalMs).toBeLessThan(650);
  });

  test('the leading chunks come as KV and the others as text, in order', async () => {
    edge.intercept = (request, response) =>
      isChunk(request) && indexOf(request) >= 2 && stallAfter(request, response, 0);
    const slow = slowEngine(0.5);
    const { sequence, report } = await open({ ...slow, deadlineMs: 700 });
    expect(report.level).toBe('mixed');
    expect(report.levels.slice(0, 2)).not.toContain(null);
    expect(report.levels.slice(2)).toEqual([null, null, null]);
    expect([...sequence.tokens]).toEqual([...TOKENS]);
    const text = slow.evaluated.flat();
    expect(text.slice(-(TOKENS.length - 512))).toEqual([...TOKENS.subarray(512)]);
  });

  test('text stands by, and is the answer if nothing ever comes', async () => {
    edge.intercept = (request, response) => isChunk(request) && stallAfter(request, response, 0);
    const slow = slowEngine(0.4);
    const { sequence, report } = await open({ ...slow, deadlineMs: 900 });
    expect(report).toMatchObject({ level: 'text', levels: Array(CHUNKS).fill(null) });
    expect([...sequence.tokens]).toEqual([...TOKENS]);
    expect(engine.loads).toEqual([]);
    expect(report.stageMs.text).toBeGreaterThan(0);
  });

  test('an edge that goes away leaves the text', async () => {
    edge.intercept = (request) => isChunk(request) && !!request.socket.destroy();
    const { sequence, report } = await open({ ...slowEngine(0.1), deadlineMs: 5_000, retries: 0 });
    expect(report.level).toBe('text');
    expect([...sequence.tokens]).toEqual([...TOKENS]);
  });
});

describe('nothing is loaded', () => {
  async function failure(more: Parameters<typeof open>[0] = {}) {
    const error = await open({ ...slowEngine(5), ...more }).then(
      () => {
        throw new Error('expected a failure');
      },
      (reason) => reason,
    );
    await delay(20);
    expect(engine.loads).toEqual([]);
    expect(engine.openSequences).toBe(0);
    return error;
  }

  test('from an altered chunk', async () => {
    const original = edge.chunks.get(chunkIds[1]!)!;
    edge.chunks.set(chunkIds[1]!, original.with(2_000, original[2_000]! ^ 1));
    try {
      expect((await failure()).code).toBe('integrity-failed');
    } finally {
      edge.chunks.set(chunkIds[1]!, original);
    }
  });

  test('with other tokens', async () => {
    const original = edge.tokens.get(id)!;
    const altered = structuredClone(original);
    altered.chunks[2]!.tokens[7]! ^= 1;
    edge.tokens.set(id, altered);
    try {
      expect((await failure()).message).toMatch(/tokens of chunk 2/);
    } finally {
      edge.tokens.set(id, original);
    }
  });

  test('unless a trusted key signed it', async () => {
    expect((await failure({ trustedKeys: [`${'B'.repeat(42)}A`] })).code).toBe('signature-untrusted');
    expect(edge.log.filter((line) => line.includes('/chunks/'))).toEqual([]);
    await open({ ...slowEngine(5), trustedKeys: [SIGNER.publicKey] });
  });

  test('for another model, or without the context', async () => {
    engine = fakeEngine({ weights: 'b' });
    expect((await failure()).code).toBe('model-mismatch');
    expect((await failure({ id: 'e'.repeat(64) })).code).toBe('context-not-found');
  });

  test('after an abort, which rejects with its reason', async () => {
    for (const when of ['/chunks/', '/tokens', '/profiles/']) {
      const controller = new AbortController();
      edge.intercept = (request) => {
        if (!request.url!.includes(when)) return false;
        controller.abort(new Error(`changed my mind at ${when}`));
        return true;
      };
      profiles = new Profiles(fakeCodec(), null);
      expect((await failure({ signal: controller.signal })).message).toBe(`changed my mind at ${when}`);
    }
  });

  test('by a deadline that is none, or beside a level', async () => {
    expect(await failure({ deadlineMs: 0 })).toBeInstanceOf(RangeError);
    expect(await failure({ level: 'draft' })).toBeInstanceOf(TypeError);
  });
});

describe('chunk by chunk', () => {
  test('all of it as KV when nobody can evaluate text, however late', async () => {
    const chunks = [];
    for await (const chunk of streamChunks({ edge: edge.url, id, profiles, deadlineMs: 1 }))
      chunks.push(chunk);
    expect(chunks.map(({ kv }) => kv!.planes.firstPosition)).toEqual([0, 256, 512, 768, 1024]);
    expect(chunks.flatMap(({ tokens }) => [...tokens])).toEqual([...TOKENS]);
  });

  test('the end of it as tokens when text is fast and the link is not', async () => {
    edge.intercept = (request, response) =>
      isChunk(request) && indexOf(request) >= 3 && stallAfter(request, response, 0);
    const engineSpeed = {
      prefillMsPerToken: 0.5,
      prefillMsPerTokenPerPosition: 0,
      loadFixedMs: 1,
      loadMsPerToken: 0.01,
      batchTokens: 64,
    };
    const kinds = [];
    for await (const { kv } of streamChunks({ edge: edge.url, id, profiles, deadlineMs: 700, engineSpeed }))
      kinds.push(kv === null ? 'text' : 'kv');
    expect(kinds).toEqual(['kv', 'kv', 'kv', 'text', 'text']);
  });
});
