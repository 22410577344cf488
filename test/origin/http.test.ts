import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHUNK_TOKENS, LIMITS } from '../../src/protocol/limits.ts';
import { type FakeEdge, startFakeEdge } from './support/fake-edge.ts';
import { fakeEngine, VOCABULARY } from './support/fake-engine.ts';
import { type TestOrigin, temporaryFolder, testOrigin } from './support/origin.ts';

let edge: FakeEdge;
let origin: TestOrigin;
const folder = temporaryFolder();

beforeAll(async () => {
  edge = await startFakeEdge();
  origin = testOrigin(folder.folder, edge, { engine: fakeEngine({ trainedContextTokens: 1000 }) });
});

afterAll(async () => {
  await origin.close();
  await edge.close();
  folder.remove();
});

describe('POST /v1/jobs refuses', () => {
  const model = 'fake';
  const cases: [name: string, body: unknown, status: number, code: string, detail: RegExp][] = [
    ['what is not JSON', '{', 400, 'bad-request', /not JSON/],
    ['neither text nor tokens', { model }, 422, 'invalid-content', /exactly one/],
    ['text and tokens', { model, text: 'a', tokens: [1] }, 422, 'invalid-content', /exactly one/],
    ['an empty text', { model, text: '' }, 422, 'invalid-content', /text/],
    ['no tokens', { model, tokens: [] }, 422, 'invalid-content', /tokens/],
    ['a negative token', { model, tokens: [1, -1] }, 422, 'invalid-content', /tokens\.1/],
    ['a token that is no integer', { model, tokens: [1.5] }, 422, 'invalid-content', /tokens\.0/],
    [
      'a token outside the vocabulary',
      { model, tokens: [0, VOCABULARY] },
      422,
      'invalid-content',
      /Token 1 is 256.*255/,
    ],
    ['an unknown field', { model, text: 'a', colour: 1 }, 422, 'invalid-content', /colour/i],
    ['an unknown model', { model: 'gpt-9', text: 'a' }, 404, 'model-unknown', /gpt-9.*fake/],
    [
      'more tokens than the model takes',
      { model, text: 'a'.repeat(1001) },
      413,
      'context-too-large',
      /1001.*1000/,
    ],
    [
      'a text above the limit',
      { model, text: 'a'.repeat(LIMITS.textBytes + 1) },
      413,
      'too-large',
      /textBytes/,
    ],
    [
      'tokens above the limit',
      { model, tokens: Array(LIMITS.contextTokens + 1).fill(1) },
      413,
      'context-too-large',
      /131073.*131072/,
    ],
    [
      'a body above the limit',
      { model, text: 'a', x: 'x'.repeat(LIMITS.requestBytes) },
      413,
      'too-large',
      /requestBytes/,
    ],
  ];

  test.each(cases)('%s', async (_, body, status, code, detail) => {
    const response = await origin.post(body);
    const problem = await response.json();
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(problem.detail).toMatch(detail);
    expect(problem.remedy).not.toBe('');
    expect(origin.store.next()).toBeNull();
  });

  test('a model without profile', async () => {
    const other = temporaryFolder();
    const without = testOrigin(other.folder, edge, { profile: false });
    const response = await without.post({ model, text: 'a' });
    expect([response.status, (await response.json()).code]).toEqual([501, 'profile-missing']);
    await without.close();
    other.remove();
  });

  test.each([
    ['no token', {}],
    ['another token', { authorization: 'Bearer something-else' }],
    ['another scheme', { authorization: 'Basic b3JpZ2luLXRva2Vu' }],
  ])('callers with %s', async (_, headers) => {
    const response = await origin.app.request('/v1/jobs', { method: 'POST', headers, body: '{}' });
    expect(response.status).toBe(401);
    expect((await response.json()).code).toBe('unauthorized');
  });
});

test('GET /healthz needs no token', async () => {
  const response = await origin.app.request('/healthz');
  expect(await response.json()).toEqual({ status: 'ok', models: ['fake'] });
});

test.each([
  ['an unknown job', `/v1/jobs/${'0'.repeat(64)}`],
  ['a malformed id', '/v1/jobs/xyz'],
  ['events of an unknown job', `/v1/jobs/${'0'.repeat(64)}/events`],
])('%s is not found', async (_, route) => {
  const response = await origin.get(route);
  expect([response.status, (await response.json()).code]).toEqual([404, 'context-not-found']);
});

describe('events', () => {
  test('tell the whole job and resume after the last one seen', async () => {
    const { id } = await (await origin.post({ model: 'fake', text: 'x'.repeat(CHUNK_TOKENS + 1) })).json();
    const live = origin.get(`/v1/jobs/${id}/events`).then((response) => response.text());
    origin.runner.start();
    const all = parse(await live);
    expect(all.map(({ event }) => event.type)).toEqual([
      'tokenized',
      'prefilled',
      'chunk',
      'chunk',
      'published',
    ]);
    const seen = all[2]!.id;
    const rest = await origin.get(`/v1/jobs/${id}/events`, { 'last-event-id': seen });
    expect(rest.headers.get('content-type')).toMatch('text/event-stream');
    expect(parse(await rest.text())).toEqual(all.slice(3));
  });

  test('a malformed Last-Event-ID is refused', async () => {
    const { id } = await (await origin.post({ model: 'fake', text: 'y' })).json();
    const response = await origin.get(`/v1/jobs/${id}/events`, { 'last-event-id': 'x' });
    expect(response.status).toBe(400);
  });
});

function parse(stream: string) {
  return stream
    .split('\n\n')
    .filter((block) => block.includes('data:'))
    .map((block) => ({
      id: /^id: (\d+)$/m.exec(block)![1]!,
      event: JSON.parse(/^data: (.*)$/m.exec(block)![1]!) as { type: string },
    }));
}
