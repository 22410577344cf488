import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Stack, startStack } from '../../src/cli/local/stack.ts';
import { contextChunks, followContext, publishContext } from '../../src/client/index.ts';
import { loadWasmCodec } from '../../src/codec/index.ts';
import type { EngineSequence, KvPlanes } from '../../src/engine/index.ts';
import { openLlamaEngine } from '../../src/engine/llama/engine.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { contextPlanesDigest, planesDigest } from '../../src/engine/planes-digest.ts';
import { launchBrowser, skipReason as noBrowser } from '../browser/support/browser.ts';
import { modelPath, profilePath, skipReason } from './support/setup.ts';
import { shortText } from './support/texts.ts';

const GENERATED_TOKENS = 12;
const EXTRA_TOKENS = 512;
const OPEN_MS = 120_000;
/** Nats per token; planes of another text or position are above 1. */
const MAX_MEAN_KLD = 0.02;

/** No engine in the browser takes KV from outside (docs/streaming.md), so generation runs here, with planes proved to be the page's. */
describe.skipIf(skipReason !== null || noBrowser !== null)('planes that a browser decoded', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ name: 'test', profiles: [profilePath!] });
  });

  afterAll(() => stack?.close());

  test('are those that an engine goes on from, much as after prefill', async () => {
    const text = shortText(114);
    const { id } = await publishContext(stack.access, { model: SMOLLM2.id, text });
    await followContext(stack.access, id);

    const browser = await launchBrowser();
    let shown: string | null;
    try {
      const page = await browser.newPage();
      await page.goto(`${stack.edge.url}/open#context=${id}`);
      await page.getByLabel('Level').fill('near-lossless');
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByText(/^Opened: /).waitFor({ timeout: OPEN_MS });
      shown = await page.locator('dd.id').textContent();
    } finally {
      await browser.close();
    }

    const planes: KvPlanes[] = [];
    const tokens: number[] = [];
    const codec = await loadWasmCodec({ relaxedSimd: false });
    for await (const chunk of contextChunks({ ...stack.access, id, codec, level: 'near-lossless' })) {
      planes.push(chunk.planes);
      tokens.push(...chunk.tokens);
    }
    expect(shown).toBe(await contextPlanesDigest(await Promise.all(planes.map(planesDigest))));

    const engine = await openLlamaEngine({ modelPath });
    try {
      const options = { capacityTokens: tokens.length + EXTRA_TOKENS };
      const loaded = await engine.openSequence(options);
      await loaded.loadPlanes(Uint32Array.from(tokens), planes);
      const prefilled = await engine.openSequence(options);
      await prefilled.prefill(Uint32Array.from(tokens));
      const next = engine.tokenize(shortText(114, 3200).slice(text.length), { bos: false });
      const [fromPlanes, fromText] = [
        await distributions(loaded, next),
        await distributions(prefilled, next),
      ];
      const damage = fromText.map((exact, i) => divergence(exact, fromPlanes[i]!));
      expect(damage).toHaveLength(next.length);
      expect(damage.reduce((sum, nats) => sum + nats, 0) / next.length).toBeLessThan(MAX_MEAN_KLD);
      const { tokens: generated } = await loaded.generate({
        maxTokens: GENERATED_TOKENS,
        stopAtEnd: false,
      });
      expect(generated).toHaveLength(GENERATED_TOKENS);
      await loaded.close();
      await prefilled.close();
    } finally {
      await engine.close();
    }
  });
});

async function distributions(sequence: EngineSequence, tokens: Uint32Array): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  await sequence.score(tokens, (_, logProbabilities) => found.push(logProbabilities));
  return found;
}

/** Kullback-Leibler divergence in nats. */
function divergence(exact: Float32Array, other: Float32Array): number {
  return exact.reduce((sum, log, token) => sum + Math.exp(log) * (log - other[token]!), 0);
}
