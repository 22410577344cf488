import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine, EngineSequence } from '../../src/engine/index.ts';
import { loadBinding } from '../../src/engine/llama/binding.ts';
import { openLlamaEngine, resolveModelPath } from '../../src/engine/llama/index.ts';
import { encodeState } from '../../src/engine/llama/state-encode.ts';
import { parseState } from '../../src/engine/llama/state-parse.ts';
import { type KvPlanes, planeOf, slicePlanes } from '../../src/engine/planes.ts';

const MODEL = 'smollm2-135m-instruct';
const TEXT =
  'The lighthouse keeper kept a diary. On the first page she wrote the weather, on the second the ships, ' +
  'and on every page after that a list of the things the sea had brought: ropes, bottles, a door, a letter. ';

const modelPath = await resolveModelPath(MODEL).catch(() => null);
const hasBinding = await loadBinding().then(
  () => true,
  () => false,
);
const absent = modelPath === null ? `the model ${MODEL} (npm run kvedge model fetch)` : 'node-llama-cpp';
const ready = modelPath !== null && hasBinding;
if (!ready) console.warn(`SKIPPED test/model/engine.test.ts: ${absent} is absent`);

describe.skipIf(!ready).each([true, false])('llama.cpp with flash attention = %s', (flashAttention) => {
  let engine: Engine;
  let sequence: EngineSequence;
  let tokens: Uint32Array;
  /** The KV of `tokens`, from one prefill. */
  let planes: KvPlanes;

  beforeAll(async () => {
    engine = await openLlamaEngine({
      modelPath: modelPath as string,
      flashAttention,
      batchTokens: 64,
      threads: 1,
    });
    sequence = await engine.openSequence({ capacityTokens: 400 });
    tokens = engine.tokenize(TEXT.repeat(5)).subarray(0, 200);
    await sequence.prefill(tokens);
    planes = await sequence.readPlanes();
  });
  afterAll(async () => {
    await sequence.close();
    await engine.close();
  });

  async function loaded(): Promise<void> {
    await sequence.clear();
    await sequence.loadPlanes(tokens, planes);
  }

  it('describes the model', () => {
    expect(engine.model).toMatchObject({
      architecture: 'llama',
      geometry: { layers: 30, kvHeads: 3, keyHeadDim: 64, valueHeadDim: 64 },
      rope: { layout: 'interleaved', dims: 64, freqBase: 100_000, freqScale: 1, freqFactors: null },
      vocabularySize: 49_152,
      trainedContextTokens: 8_192,
      bosToken: 1,
      prependsBos: false,
    });
  });

  it('tokenizes as the model wants, and control tokens only when asked to', () => {
    expect(engine.detokenize(engine.tokenize(TEXT))).toBe(TEXT);
    expect(engine.tokenize('a', { bos: true })[0]).toBe(1);
    expect(engine.tokenize('<|im_start|>').length).toBeGreaterThan(1);
    expect([...engine.tokenize('<|im_start|>', { specialTokens: true })]).toEqual([1]);
  });

  it('reports progress in batches and stops between them', async () => {
    await sequence.clear();
    const steps: number[] = [];
    const abort = new AbortController();
    const onProgress = (done: number): void => {
      steps.push(done);
      if (steps.length === 2) abort.abort(new Error('enough'));
    };
    await expect(sequence.prefill(tokens, { onProgress, signal: abort.signal })).rejects.toThrow('enough');
    expect(steps).toEqual([64, 128]);
    expect(sequence.tokens).toEqual(tokens.subarray(0, 128));
  });

  it('encodes planes to the very bytes that llama.cpp saved', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'kvedge-test-'));
    try {
      const saved = await savedState(engine, tokens, flashAttention, path.join(folder, 'state.bin'));
      const { geometry } = engine.model;
      const parsed = parseState(saved, { geometry, tokens });
      expect(parsed.valuesTransposed).toBe(!flashAttention);
      const again = encodeState({ ...parsed, geometry, chunks: [parsed.planes] });
      expect(Buffer.compare(again, saved)).toBe(0);
      expect(bytesOf(parsed.planes.data).equals(bytesOf(planes.data))).toBe(true);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('generates from loaded chunks what it generates after prefill, token by token', async () => {
    await sequence.clear();
    await sequence.prefill(tokens);
    const promptTokens = engine.tokenize(' One morning');
    const options = { promptTokens, maxTokens: 64, stopAtEnd: false };
    const expected = await sequence.generate(options);
    expect(expected.tokens.length).toBe(64);
    const chunks = [
      slicePlanes(planes, { start: 0, end: 128 }),
      slicePlanes(planes, { start: 128, end: 200 }),
    ];
    await sequence.clear();
    await sequence.loadPlanes(tokens, chunks);
    expect(sequence.tokens).toEqual(tokens);
    expect(bytesOf((await sequence.readPlanes()).data).equals(bytesOf(planes.data))).toBe(true);
    expect((await sequence.generate(options)).tokens).toEqual(expected.tokens);
  });

  it('continues a loaded prefix with text', async () => {
    await loaded();
    const options = { maxTokens: 16, stopAtEnd: false };
    const expected = await sequence.generate(options);
    await sequence.clear();
    await sequence.loadPlanes(tokens.subarray(0, 128), slicePlanes(planes, { start: 0, end: 128 }));
    await sequence.prefill(tokens.subarray(128));
    // Same batch bounds as before, so even the bits are the same.
    expect(bytesOf((await sequence.readPlanes()).data).equals(bytesOf(planes.data))).toBe(true);
    expect((await sequence.generate(options)).tokens).toEqual(expected.tokens);
  });

  it('scores: distributions sum to one and agree with greedy generation', async () => {
    await loaded();
    const { tokens: generated } = await sequence.generate({
      promptTokens: tokens.subarray(0, 1),
      maxTokens: 5,
    });
    await sequence.clear();
    await sequence.loadPlanes(tokens, planes);
    const scored = Uint32Array.from([tokens[0] as number, ...generated.subarray(0, 4)]);
    const best: number[] = [];
    await sequence.score(scored, (index, logProbabilities) => {
      expect(index).toBe(best.length);
      expect(logProbabilities.reduce((sum, value) => sum + Math.exp(value), 0)).toBeCloseTo(1, 4);
      best.push(logProbabilities.indexOf(Math.max(...logProbabilities)));
    });
    expect(best).toEqual([...generated]);
    const reported: number[] = [];
    await sequence.score(tokens.subarray(0, 40), (index) => reported.push(index), { everyTokens: 15 });
    expect(reported).toEqual([0, 15, 30]);
  });

  it("the first token's KV depends on that token only", async () => {
    await sequence.clear();
    await sequence.prefill(Uint32Array.from([tokens[0] as number, 11, 12, 13]));
    expect(await sequence.readPlanes({ start: 0, end: 1 })).toEqual(
      slicePlanes(planes, { start: 0, end: 1 }),
    );
  });

  it('refuses what would harm the engine before it sees a byte', async () => {
    await loaded();
    await expect(sequence.loadPlanes(tokens, planes)).rejects.toMatchObject({ code: 'sequence-not-empty' });
    await expect(sequence.prefill(new Uint32Array(201))).rejects.toMatchObject({ code: 'context-too-long' });
    await sequence.clear();
    const short = { ...planes, data: planes.data.subarray(0, -1) };
    await expect(sequence.loadPlanes(tokens, short)).rejects.toMatchObject({ code: 'planes-mismatch' });
    const foreign = tokens.map((token, i) => (i === 3 ? 49_152 : token));
    await expect(sequence.loadPlanes(foreign, planes)).rejects.toMatchObject({ code: 'planes-mismatch' });
    const poisoned = { ...planes, data: planes.data.slice() };
    planeOf(poisoned, 29, 'value')[7] = 0x7c00;
    await expect(sequence.loadPlanes(tokens, poisoned)).rejects.toMatchObject({ code: 'planes-mismatch' });
    expect(sequence.tokens.length).toBe(0);
    await sequence.loadPlanes(tokens, planes);
    expect(sequence.tokens).toEqual(tokens);
  });

  it('leaves no state file behind', async () => {
    await loaded();
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('kvedge-'));
    await sequence.loadPlanes(tokens.subarray(0, 0), []).catch(() => {});
    await sequence.readPlanes();
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('kvedge-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe.skipIf(!hasBinding)('opening an engine', () => {
  it('refuses a path without a file and a file that is no model', async () => {
    await expect(openLlamaEngine({ modelPath: '/nowhere/model.gguf' })).rejects.toMatchObject({
      code: 'model-not-found',
    });
    const modelFile = path.resolve('package.json');
    await expect(openLlamaEngine({ modelPath: modelFile })).rejects.toMatchObject({ code: 'model-invalid' });
  });
});

/** A state as llama.cpp itself saves it, without kvedge in between. */
async function savedState(
  engine: Engine,
  tokens: Uint32Array,
  flashAttention: boolean,
  file: string,
): Promise<Buffer> {
  const { getLlama } = await loadBinding();
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true });
  try {
    const model = await llama.loadModel({ modelPath: modelPath as string });
    const context = await model.createContext({
      contextSize: 512,
      batchSize: 64,
      threads: 1,
      flashAttention,
    });
    const sequence = context.getSequence();
    await sequence.evaluateWithoutGeneratingNewTokens(model.tokenize(engine.detokenize(tokens)));
    await sequence.saveStateToFile(file);
    return await readFile(file);
  } finally {
    await llama.dispose();
  }
}

function bytesOf(data: Uint16Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
