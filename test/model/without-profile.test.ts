import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningOrigin, startOrigin } from '../../origin-gpu/src/server.ts';
import { localSecrets, mintLocalToken } from '../../src/cli/local/secrets.ts';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import {
  fetchManifest,
  followContext,
  openContext,
  Profiles,
  publishContext,
  submitContext,
} from '../../src/client/index.ts';
import { loadBestCodec, loadWasmCodec } from '../../src/codec/index.ts';
import type { Engine, EngineSequence } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { ZERO_ID } from '../../src/protocol/ids.ts';
import { createSigner } from '../../src/protocol/signature.ts';
import { divergence } from './support/divergence.ts';
import { modelPath, profilePath, skipReason } from './support/setup.ts';
import { shortText } from './support/texts.ts';

const model = SMOLLM2.id;
const TEXT = shortText(131);
/** Tokens that are scored after the context. */
const SCORED = ' The whole of that day was spent on deck, and in the evening the wind fell.';

describe.skipIf(skipReason !== null)('a model without a profile', () => {
  let stack: Stack;
  let origin: RunningOrigin;
  let engine: Engine;
  let profiles: Profiles;
  let id: string;
  const lines: { message: string; fields: object }[] = [];

  beforeAll(async () => {
    stack = await startStack({ name: 'test', profiles: [profilePath!] });
    await stack.closeOrigins(); // it knows the profile that comes with kvedge
    const secrets = await localSecrets(stack.home);
    const keep = (message: string, fields: object = {}) => void lines.push({ message, fields });
    origin = await startOrigin(
      {
        host: '127.0.0.1',
        port: 0,
        edgeUrl: stack.edge.url,
        edgeToken: () => mintLocalToken(secrets, { scopes: ['publish', 'compute'], ttlSeconds: 600 }),
        signer: await createSigner(secrets.signingKey),
        models: [{ name: model, modelPath }],
        profilePaths: [],
      },
      await loadBestCodec(),
      { info: keep, warn: keep, error: keep },
    );
    ({ id } = await publishContext(stack.access, { model, text: TEXT }));
    await followContext(stack.access, id);
    engine = await openLlamaEngine({ modelPath });
    profiles = new Profiles(await loadBestCodec(), null);
  });

  afterAll(async () => {
    profiles?.close();
    await engine?.close();
    await origin?.close();
    await stack?.close();
  });

  const open = (level: string, more: Partial<Parameters<typeof openContext>[0]> = {}) =>
    openContext({ ...stack.access, id, engine, profiles, level, extraTokens: 48, ...more });

  /** Log-probabilities after each token of `SCORED`. */
  async function score(sequence: EngineSequence): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    await sequence.score(engine.tokenize(SCORED, { bos: false }), (_, distribution) =>
      found.push(distribution.slice()),
    );
    return found;
  }

  test('is coded by codec 2, said aloud by the origin and the manifest', async () => {
    const manifest = await fetchManifest(stack.access, id);
    expect(manifest).toMatchObject({ codec: 2, profileId: ZERO_ID });
    expect(manifest.chunks[0]!.levels.map(({ name }) => name)).toEqual(['draft', 'standard', 'high']);
    expect(lines.map(({ message }) => message).join('\n')).toMatch(
      /no profile .* codec 2 .*npm run calibrate/,
    );
    // The same text again: no second computation, the same id.
    expect(await submitContext(stack.access, { model, text: TEXT })).toEqual({ id, status: null });
  });

  test('every level loads, fetches no profile, and does less damage than the one before', async () => {
    const tokens = engine.tokenize(TEXT);
    const prefilled = await engine.openSequence({ capacityTokens: tokens.length + 48 });
    await prefilled.prefill(tokens);
    const reference = await score(prefilled);
    await prefilled.close();
    const damages: number[] = [];
    for (const level of ['draft', 'standard', 'high']) {
      const { sequence, report } = await open(level);
      expect(report.bytes.profile).toBe(0);
      expect(sequence.tokens).toEqual(tokens);
      damages.push(divergence(reference, await score(sequence)));
      await sequence.close();
    }
    console.log(`KLD of codec 2 by level: ${damages.map((kld) => kld.toFixed(4)).join(', ')}`);
    expect(damages[0]).toBeLessThan(0.5);
    expect(damages[1]).toBeLessThan(0.05);
    expect(damages[2]).toBeLessThan(0.02);
    expect(damages[1]).toBeLessThan(damages[0]!);
  });

  test('the wasm codec loads it too, and the engine goes on as it does from the text', async () => {
    const tokens = engine.tokenize(TEXT);
    const prefilled = await engine.openSequence({ capacityTokens: tokens.length + 8 });
    await prefilled.prefill(tokens);
    const expected = await prefilled.generate({ maxTokens: 1, stopAtEnd: false });
    await prefilled.close();
    const wasm = new Profiles(await loadWasmCodec(), null);
    const { sequence } = await open('high', { profiles: wasm });
    const generation = await sequence.generate({ maxTokens: 8, stopAtEnd: false });
    expect(generation.tokens.length).toBe(8);
    expect(generation.tokens[0]).toBe(expected.tokens[0]);
    await sequence.close();
    wasm.close();
  });

  test('the Worker cuts layers of it without a profile', async () => {
    const { chunks } = await fetchManifest(stack.access, id);
    const codec = await loadBestCodec();
    const url = `${stack.edge.url}/v1/chunks/${chunks[0]!.id}`;
    const cut = new Uint8Array(await (await fetch(`${url}?layers=3-4`)).arrayBuffer());
    const whole = new Uint8Array(await (await fetch(url)).arrayBuffer());
    expect(cut).toEqual(codec.cutChunk(whole, { layers: [3, 4] }));
    expect(new Set(codec.validateChunk(cut).segments.map(({ group }) => group))).toEqual(new Set([3, 4]));
  });
});
