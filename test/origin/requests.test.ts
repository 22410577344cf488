import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHealthApp } from '../../origin-gpu/src/health.ts';
import { LIMITS } from '../../src/protocol/limits.ts';
import { type FakeEdge, queueJob, startFakeEdge } from './support/fake-edge.ts';
import { fakeEngine, VOCABULARY } from './support/fake-engine.ts';
import { type TestOrigin, testOrigin } from './support/origin.ts';

let edge: FakeEdge;
let origin: TestOrigin;
const model = 'fake';

beforeAll(async () => {
  edge = await startFakeEdge();
  origin = testOrigin(edge, { engine: fakeEngine({ trainedContextTokens: 1000 }) });
  origin.runner.start();
});

afterAll(async () => {
  await origin.close();
  await edge.close();
});

describe('an origin refuses', () => {
  const cases: [name: string, request: Parameters<typeof queueJob>[1], code: string, detail: RegExp][] = [
    [
      'a token outside the vocabulary',
      { model, tokens: [0, VOCABULARY] },
      'invalid-content',
      /Token 1 is 256.*255/,
    ],
    ['an unknown model', { model: 'gpt-9', text: 'a' }, 'model-unknown', /gpt-9.*fake/],
    [
      'more tokens than the model takes',
      { model, text: 'a'.repeat(1001) },
      'context-too-large',
      /1001.*1000/,
    ],
    [
      'as many tokens as the API allows',
      { model, tokens: Array(LIMITS.contextTokens).fill(1) },
      'context-too-large',
      /131072.*1000/,
    ],
  ];

  test.each(cases)('%s', async (_, request, code, detail) => {
    const failed = await origin.settled(queueJob(edge, request));
    expect(failed).toMatchObject({ type: 'failed', code, detail: expect.stringMatching(detail) });
    expect(origin.engine.prefills).toBe(0);
  });
});

test('a model without profile is coded by codec 2, and no profile is sent', async () => {
  const other = await startFakeEdge();
  const without = testOrigin(other, { profile: false });
  without.runner.start();
  const published = await without.settled(queueJob(other, { model, text: 'a' }));
  if (published.type !== 'published') throw new Error(`${published.code}: ${published.detail}`);
  expect(other.manifests.get(published.id)).toMatchObject({ codec: 2, profileId: '0'.repeat(64) });
  expect(other.profiles.size).toBe(0);
  await without.close();
  await other.close();
});

test('GET /healthz names the models; there is nothing else to ask an origin', async () => {
  const app = createHealthApp(['fake']);
  expect(await (await app.request('/healthz')).json()).toEqual({ status: 'ok', models: ['fake'] });
  expect((await app.request('/v1/jobs', { method: 'POST', body: '{}' })).status).toBe(404);
});
