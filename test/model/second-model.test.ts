import { existsSync, readFileSync } from 'node:fs';
import pRetry from 'p-retry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOrigin, startOrigin } from '../../origin-gpu/src/server.ts';
import { localSecrets, mintLocalToken } from '../../src/cli/local/secrets.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import {
  ClientError,
  fetchManifest,
  followContext,
  openContext,
  Profiles,
  publishContext,
} from '../../src/client/index.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import type { Engine, EngineSequence, KvPlanes } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { pinnedModelPath, QWEN_CODER } from '../../src/engine/llama/models.ts';
import { createSigner } from '../../src/protocol/signature.ts';
import { divergence } from './support/divergence.ts';
import { committedProfile } from './support/setup.ts';
import { shortText } from './support/texts.ts';

const modelPath = pinnedModelPath(QWEN_CODER);
const skipped = !existsSync(modelPath);
if (skipped) {
  console.warn(`SKIP second model: it is missing: run "npm run kvedge -- model fetch ${QWEN_CODER.id}"`);
}
const model = QWEN_CODER.id;
const TEXT = shortText(42);
/** Tokens that are scored after the context. */
const SCORED = ' The whole of that day was spent on deck, and in the evening the wind fell.';

/** How its contexts are coded, and the largest damage of each level, nats per token. */
const CODINGS: { name: string; profilePaths: string[]; codec: number; maxKld: Record<string, number> }[] = [
  { name: 'codec 2', profilePaths: [], codec: 2, maxKld: { draft: 0.5, standard: 0.06, high: 0.02 } },
];
const profilePath = committedProfile(QWEN_CODER);
if (profilePath !== null) {
  CODINGS.push({
    name: 'its profile',
    profilePaths: [profilePath],
    codec: 1,
    maxKld: { draft: 0.8, standard: 0.15, high: 0.06, 'near-lossless': 0.05 },
  });
}

describe.skipIf(skipped)('a model with attention biases and another vocabulary', () => {
  let engine: Engine;
  let tokens: Uint32Array;
  /** The KV of `tokens` and the distributions after it, from the text. */
  let planes: KvPlanes;
  let reference: Float32Array[];
  let expected: Uint32Array;

  beforeAll(async () => {
    engine = await openLlamaEngine({ modelPath });
    tokens = engine.tokenize(TEXT);
    const sequence = await open();
    await sequence.prefill(tokens);
    planes = await sequence.readPlanes();
    reference = await score(sequence);
    await reload(sequence);
    expected = (await sequence.generate({ maxTokens: 24, stopAtEnd: false })).tokens;
    await sequence.close();
  });

  afterAll(async () => {
    await engine?.close();
  });

  const open = () => engine.openSequence({ capacityTokens: tokens.length + 64 });

  async function reload(sequence: EngineSequence): Promise<void> {
    await sequence.clear();
    await sequence.loadPlanes(tokens, planes);
  }

  async function score(sequence: EngineSequence): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    await sequence.score(engine.tokenize(SCORED, { bos: false }), (_, distribution) =>
      found.push(distribution),
    );
    return found;
  }

  it('is described by its file', () => {
    expect(engine.model).toMatchObject({
      architecture: 'qwen2',
      geometry: { layers: 24, kvHeads: 2, keyHeadDim: 64, valueHeadDim: 64 },
      rope: { layout: 'halves', dims: 64, freqBase: 1_000_000, freqScale: 1, freqFactors: null },
      vocabularySize: 151_936,
      prependsBos: false,
    });
  });

  it('goes on from loaded planes as from the text', async () => {
    const sequence = await open();
    await sequence.loadPlanes(tokens, planes);
    expect(divergence(reference, await score(sequence))).toBeLessThan(1e-4);
    await sequence.close();
  });

  describe.each(CODINGS)('coded by $name', ({ profilePaths, codec, maxKld }) => {
    let stack: Stack;
    let origin: RunningOrigin;
    let profiles: Profiles;
    let id: string;

    beforeAll(async () => {
      // One for each coding: a context is the same whatever codes it.
      stack = await startStack({ name: 'test', profiles: [] });
      await stack.closeOrigins(); // they serve the first model
      const secrets = await localSecrets(stack.home);
      const silent = () => {};
      origin = await startOrigin(
        {
          host: '127.0.0.1',
          port: 0,
          edgeUrl: stack.edge.url,
          edgeToken: () => mintLocalToken(secrets, { scopes: ['publish', 'compute'], ttlSeconds: 600 }),
          signer: await createSigner(secrets.signingKey),
          models: [{ name: model, modelPath }],
          profilePaths,
        },
        await loadBestCodec(),
        { info: silent, warn: silent, error: silent },
      );
      // The edge learns of an origin's models with its first poll.
      const isUnknown = (error: Error) =>
        error instanceof ClientError && error.problemCode === 'model-unknown';
      ({ id } = await pRetry(() => publishContext(stack.access, { model, text: TEXT }), {
        minTimeout: 200,
        shouldRetry: ({ error }) => isUnknown(error),
      }));
      await followContext(stack.access, id);
      profiles = new Profiles(await loadBestCodec(), null);
    });

    afterAll(async () => {
      profiles?.close();
      await origin?.close();
      await stack?.close();
    });

    it('is published, served, loaded and continued at every level', async () => {
      const manifest = await fetchManifest(stack.access, id);
      expect(manifest).toMatchObject({ codec, tokenCount: tokens.length });
      const values = tokens.length * 24 * 2 * 128;
      const damages: number[] = [];
      for (const [level, limit] of Object.entries(maxKld)) {
        const { sequence, report } = await openContext({
          ...stack.access,
          ...{ id, engine, profiles, level, extraTokens: 64 },
        });
        expect(sequence.tokens).toEqual(tokens);
        const kld = divergence(reference, await score(sequence));
        const bits = (8 * report.bytes.chunks) / values;
        console.log(
          `${model}, codec ${codec}, ${level}: ${bits.toFixed(2)} bits/value, KLD ${kld.toFixed(4)}`,
        );
        expect(kld).toBeLessThan(limit);
        damages.push(kld);
        await sequence.close();
      }
      expect(damages.at(-1)).toBeLessThan(damages[0]!);
    });

    it('expects the words that follow from the text', async () => {
      const { sequence } = await openContext({ ...stack.access, id, engine, profiles, extraTokens: 64 });
      const likeliest: number[] = [];
      await sequence.score(expected, (_, distribution) => {
        likeliest.push(
          distribution.reduce((best, value, token) => (value > distribution[best]! ? token : best), 0),
        );
      });
      const agreed = likeliest.filter((token, place) => token === expected[place + 1]).length;
      expect(agreed).toBeGreaterThanOrEqual(0.8 * (expected.length - 1));
      await sequence.close();
    });
  });
});

if (profilePath !== null) {
  it('the committed profile is small beside the model', () => {
    expect(readFileSync(profilePath).length).toBeLessThan(0.02 * QWEN_CODER.fileBytes);
  });
}
