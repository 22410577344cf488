import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startShapedProxyThread } from '../../src/cli/link/shaped-proxy-thread.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import {
  edgeStream,
  fetchManifest,
  followContext,
  measureEngine,
  openContext,
  Profiles,
  publishContext,
  Speeds,
} from '../../src/client/index.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import type { Engine, EngineSequence, KvPlanes } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { startHostileProxy } from './support/hostile-proxy.ts';
import { modelPath, profilePath, skipReason } from './support/setup.ts';
import { shortText } from './support/texts.ts';

const model = SMOLLM2.id;
const TEXT = shortText(113);
const MADE_UP_ID = '1'.repeat(64);

describe.skipIf(skipReason !== null)('through a real origin and the real Worker', () => {
  let stack: Stack;
  let engine: Engine;
  let profiles: Profiles;
  let id: string;

  beforeAll(async () => {
    stack = await startStack({ name: 'test', profiles: [profilePath!] });
    ({ id } = await publishContext(stack.access, { model, text: TEXT }));
    await followContext(stack.access, id);
    engine = await openLlamaEngine({ modelPath });
    profiles = new Profiles(await loadBestCodec(), null);
  });

  afterAll(async () => {
    profiles?.close();
    await engine?.close();
    await stack?.close();
  });

  const open = (more: Partial<Parameters<typeof openContext>[0]> = {}) =>
    openContext({ ...stack.access, id, engine, profiles, retries: 1, ...more });

  /** Tokens that follow the text itself. */
  async function fromText(maxTokens: number): Promise<number[]> {
    const tokens = engine.tokenize(TEXT);
    const prefilled = await engine.openSequence({ capacityTokens: tokens.length + maxTokens });
    await prefilled.prefill(tokens);
    const generation = await prefilled.generate({ maxTokens, stopAtEnd: false });
    await prefilled.close();
    return [...generation.tokens];
  }

  /** An engine that counts what it is given, around the real one. */
  function watched() {
    const watch = { engine, loads: 0 };
    watch.engine = {
      ...engine,
      model: engine.model,
      openSequence: async (options) => {
        const sequence = await engine.openSequence(options);
        const loadPlanes: EngineSequence['loadPlanes'] = (tokens, chunks) => {
          watch.loads += 1;
          return sequence.loadPlanes(tokens, chunks);
        };
        return Object.assign(Object.create(sequence), { loadPlanes, close: () => sequence.close() });
      },
    };
    return watch;
  }

  test('every level loads and the engine goes on from it', async () => {
    const { chunks, tokenCount } = await fetchManifest(stack.access, id);
    expect(chunks.length).toBe(3);
    let smaller = 0;
    for (const { name: level } of chunks[0]!.levels) {
      const { sequence, report } = await open({ level, extraTokens: 16 });
      expect(sequence.tokens).toEqual(engine.tokenize(TEXT));
      expect(sequence.tokens.length).toBe(tokenCount);
      expect(report.bytes.chunks).toBeGreaterThan(smaller);
      smaller = report.bytes.chunks;
      const generation = await sequence.generate({ maxTokens: 8, stopAtEnd: false });
      expect(generation.tokens.length).toBe(8);
      await sequence.close();
    }
  });

  test('the finest level gives the first token that the text gives', async () => {
    const { sequence } = await open({ level: 'near-lossless', extraTokens: 8 });
    const loaded = await sequence.generate({ maxTokens: 1, stopAtEnd: false });
    await sequence.close();
    expect([...loaded.tokens]).toEqual(await fromText(1));
  });

  test('by a deadline with time enough it loads as fine as its level says, and generates as from text', async () => {
    const speeds = new Speeds();
    await measureEngine(engine, speeds);
    await open({ deadlineMs: 60_000, speeds }).then(({ sequence }) => sequence.close());
    const { sequence, report } = await open({ deadlineMs: 60_000, speeds, extraTokens: 8 });
    expect(sequence.tokens).toEqual(engine.tokenize(TEXT));
    expect(report.level).toBe('near-lossless');
    expect(report.plan!.history.at(-1)!.act).toBe('load');
    const loaded = await sequence.generate({ maxTokens: 1, stopAtEnd: false });
    await sequence.close();
    expect([...loaded.tokens]).toEqual(await fromText(1));
  });

  test('on a narrow link it meets a deadline that text cannot, at lower levels', async () => {
    const speeds = new Speeds();
    await measureEngine(engine, speeds);
    await open({ speeds, deadlineMs: 60_000 }).then(({ sequence }) => sequence.close());
    const { chunks } = await fetchManifest(stack.access, id);
    const draftBytes = chunks.reduce((sum, chunk) => sum + chunk.levels[0]!.bytes, 0);
    const target = { host: '127.0.0.1', port: Number(new URL(stack.edge.url).port) };
    // The coarsest levels take half a second.
    const link = await startShapedProxyThread(target, { bitsPerSecond: 16 * draftBytes, delayMs: 10 });
    try {
      const deadlineMs = 1_500;
      const shaped = { edge: `http://127.0.0.1:${link.port}`, deadlineMs, speeds };
      const { sequence, report } = await open({ ...shaped, mbitPerSecond: (16 * draftBytes) / 1e6 });
      expect(sequence.tokens).toEqual(engine.tokenize(TEXT));
      expect(report.levels).not.toContain('near-lossless');
      expect(report.levels[0]).not.toBeNull();
      const generation = await sequence.generate({ maxTokens: 4, stopAtEnd: false });
      expect(generation.tokens.length).toBe(4);
      await sequence.close();
    } finally {
      await link.close();
    }
  });

  test('text on top of the KV of the first chunks goes on as the whole text does', async () => {
    const { chunks } = await fetchManifest(stack.access, id);
    const first = chunks[0]!.id;
    const speeds = new Speeds();
    await measureEngine(engine, speeds);
    const { sequence, report } = await open({
      deadlineMs: 60_000,
      speeds,
      retries: 0,
      // Every chunk but the first is out of reach.
      fetch: (input, init) => {
        const isAway = String(input).includes('/chunks/') && !String(input).includes(first);
        return isAway ? Promise.reject(new TypeError('no route')) : fetch(input, init);
      },
    });
    expect(sequence.tokens).toEqual(engine.tokenize(TEXT));
    expect(report.levels.slice(1)).toEqual([null, null]);
    expect(report.stageMs.text).toBeGreaterThan(0);
    await sequence.close();
  });

  test('what the edge streams decodes, loads and goes on as the text does', async () => {
    const planes: KvPlanes[] = [];
    const link = { deadlineMs: 60_000, mbitPerSecond: 500 };
    for await (const { kv } of edgeStream({ ...stack.access, id, profiles, ...link })) {
      expect(kv!.level).toBe('near-lossless');
      planes.push(kv!.planes);
    }
    const tokens = engine.tokenize(TEXT);
    const sequence = await engine.openSequence({ capacityTokens: tokens.length + 1 });
    await sequence.loadPlanes(tokens, planes);
    const generation = await sequence.generate({ maxTokens: 1, stopAtEnd: false });
    await sequence.close();
    expect([...generation.tokens]).toEqual(await fromText(1));
  });

  test('publishing the same text again answers that it exists', async () => {
    expect(await publishContext(stack.access, { model, text: TEXT })).toEqual({ id, status: null });
  });

  test('an altered chunk is refused and nothing is loaded', async () => {
    const proxy = await startHostileProxy(stack.edge.url, '/chunks/', (body) =>
      body.with(body.length >> 1, body[body.length >> 1]! ^ 0x10),
    );
    const watch = watched();
    await expect(open({ edge: proxy.url, engine: watch.engine })).rejects.toMatchObject({
      code: 'integrity-failed',
    });
    expect(watch.loads).toBe(0);
    await proxy.close();
  });

  test('a truncated chunk is refused and nothing is loaded', async () => {
    const proxy = await startHostileProxy(stack.edge.url, '/chunks/', (body) =>
      body.subarray(0, body.length - 1),
    );
    const watch = watched();
    // Every attempt gets fewer bytes than the level has.
    await expect(open({ edge: proxy.url, engine: watch.engine, retries: 0 })).rejects.toMatchObject({
      code: 'edge-unreachable',
    });
    expect(watch.loads).toBe(0);
    await proxy.close();
  });

  test('altered tokens are refused and nothing is loaded', async () => {
    const proxy = await startHostileProxy(stack.edge.url, '/tokens', (body) => {
      const answer = JSON.parse(new TextDecoder().decode(body));
      answer.chunks[0].tokens[3] += 1;
      return new TextEncoder().encode(JSON.stringify(answer));
    });
    const watch = watched();
    await expect(open({ edge: proxy.url, engine: watch.engine })).rejects.toMatchObject({
      code: 'integrity-failed',
    });
    expect(watch.loads).toBe(0);
    await proxy.close();
  });

  test('a level that does not exist, and a context that does not, are named', async () => {
    await expect(open({ level: 'ultra' })).rejects.toMatchObject({ code: 'level-unknown' });
    await expect(open({ id: MADE_UP_ID })).rejects.toMatchObject({ code: 'context-not-found' });
  });

  const refused: [string, Parameters<typeof publishContext>[1], string | undefined][] = [
    ['an unknown model', { model: 'gpt-9', text: 'a' }, 'model-unknown'],
    ['an empty text', { model, text: '' }, undefined],
    ['no tokens', { model, tokens: [] }, undefined],
    [
      'more tokens than the model was trained for',
      { model, tokens: Array(8193).fill(1) },
      'context-too-large',
    ],
    ['a token outside the vocabulary', { model, tokens: [1, 49_152] }, 'invalid-content'],
    ['a token that is no integer', { model, tokens: [1.5] }, undefined],
  ];
  test.each(refused)('publishing %s is refused', async (_, body, problemCode) => {
    const error = await publishContext({ ...stack.access, retries: 0 }, body).catch((reason) => reason);
    expect(error).toMatchObject({ name: 'ClientError', code: 'edge-refused' });
    expect(error.remedy).not.toBe('');
    if (problemCode !== undefined) expect(error.problemCode).toBe(problemCode);
  });

  test('publishing without a token is refused', async () => {
    await expect(publishContext({ edge: stack.edge.url }, { model, text: 'a' })).rejects.toMatchObject({
      code: 'edge-refused',
      problemCode: 'unauthorized',
    });
  });
});
