import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rotate } from '../../src/codec/reference/rope.ts';
import type { Engine, EngineModel, EngineSequence, KvPlanes } from '../../src/engine/index.ts';
import { SUPPORTED_ARCHITECTURES } from '../../src/engine/llama/architectures.ts';
import { loadBinding } from '../../src/engine/llama/binding.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { planeOf, rowValues } from '../../src/engine/planes.ts';
import { divergence } from './support/divergence.ts';
import { TINY_MODELS, writeTinyModel } from './support/tiny-models.ts';

const hasBinding = await loadBinding().then(
  () => true,
  () => false,
);
if (!hasBinding) console.warn('SKIPPED test/model/architectures.test.ts: node-llama-cpp is absent');

const folder = mkdtempSync(join(tmpdir(), 'kvedge-tiny-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TOKENS = 200;

it('there is a model of every supported architecture', () => {
  const covered = new Set(Object.values(TINY_MODELS).map(({ architecture }) => architecture));
  expect([...covered].sort()).toEqual([...SUPPORTED_ARCHITECTURES.keys()].sort());
});

describe.skipIf(!hasBinding).each(Object.keys(TINY_MODELS))('random weights of %s', (name) => {
  let engine: Engine;
  let sequence: EngineSequence;

  beforeAll(async () => {
    const modelPath = join(folder, `${name.replaceAll(' ', '-')}.gguf`);
    writeTinyModel(modelPath, name);
    engine = await openLlamaEngine({ modelPath, threads: 1 });
    sequence = await engine.openSequence({ capacityTokens: TOKENS + 16 });
  });
  beforeEach(() => sequence.clear());
  afterAll(async () => {
    await sequence?.close();
    await engine?.close();
  });

  it('have the geometry that was read, and turn keys by the angles of docs/format.md', async () => {
    const { kvHeads, headDim, layers } = TINY_MODELS[name]!.shape;
    expect(engine.model.geometry).toEqual({ layers, kvHeads, keyHeadDim: headDim, valueHeadDim: headDim });
    await sequence.prefill(new Uint32Array(TOKENS).fill(70));
    // One token over and over: in the first layer only its position tells one key from another.
    expect(worstKeyError(engine.model, await sequence.readPlanes())).toBeLessThan(0.003);
  });

  it('go on from loaded planes as from the text', async () => {
    const tokens = Uint32Array.from({ length: TOKENS }, (_, i) => 1 + ((i * 97) % 251));
    const score = async () => {
      const found: Float32Array[] = [];
      await sequence.score(tokens.subarray(0, 8), (_, distribution) => found.push(distribution));
      return found;
    };
    await sequence.prefill(tokens);
    const planes = await sequence.readPlanes();
    const expected = await score();
    await sequence.clear();
    await sequence.loadPlanes(tokens, planes);
    expect(divergence(expected, await score())).toBeLessThan(1e-6);
  });
});

/** Largest difference between a cached key of layer 0 and the first one turned to its position, over the size of keys. */
function worstKeyError({ geometry, rope }: EngineModel, planes: KvPlanes): number {
  const keys = planeOf(planes, 0, 'key');
  const row = rowValues(geometry, 'key');
  const halves = new Float16Array(keys.buffer, keys.byteOffset, keys.length);
  const first = Float32Array.from(halves.subarray(0, row));
  const size = Math.max(...first.map(Math.abs));
  const layouts = { none: 0, interleaved: 1, halves: 2 };
  const factors = rope.freqFactors ?? new Float32Array();
  let worst = 0;
  for (let position = 1; position < planes.tokenCount; position++) {
    const turned = first.slice();
    rotate({ ...rope, layout: layouts[rope.layout], factors }, turned, geometry.keyHeadDim, position);
    for (let i = 0; i < row; i++) {
      worst = Math.max(worst, Math.abs(turned[i]! - halves[position * row + i]!) / size);
    }
  }
  return worst;
}
