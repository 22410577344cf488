import { describe, expect, it } from 'vitest';
import { deleteContext, purgeContexts } from '../../src/client/index.ts';
import { ProblemError } from '../../src/protocol/problems.ts';
import type { PurgeResult } from '../../src/protocol/registry.ts';

const ID = 'a'.repeat(64);
const CURSOR = 'b'.repeat(64);

/** An edge that gives one answer after the other, and what it was asked. */
function edge(...answers: (() => Response)[]) {
  const requests: { method: string; url: string; body: unknown; authorization: string | null }[] = [];
  const fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(input, init);
    requests.push({
      method: request.method,
      url: request.url,
      body: await request.json().catch(() => null),
      authorization: request.headers.get('authorization'),
    });
    return answers[requests.length - 1]!();
  };
  return { access: { edge: 'https://edge.test', token: 'secret', retries: 1, fetch }, requests };
}

const page = (cursor: string | null): PurgeResult => ({
  dryRun: false,
  contexts: [],
  chunks: [{ id: ID, bytes: 10 }],
  busy: [],
  cursor,
});

describe('deleteContext', () => {
  it('asks for the deletion, again when the context is busy', async () => {
    const { access, requests } = edge(
      () => new ProblemError('registry-busy', 'busy', { 'retry-after': '0' }).toResponse(),
      () => new Response(null, { status: 204 }),
    );
    await deleteContext(access, ID);
    expect(requests).toEqual(
      Array(2).fill({
        method: 'DELETE',
        url: `https://edge.test/v1/contexts/${ID}`,
        body: null,
        authorization: 'Bearer secret',
      }),
    );
  });

  it('tells an unknown context from a refusal', async () => {
    const unknown = edge(() => new ProblemError('context-not-found', 'none').toResponse());
    await expect(deleteContext(unknown.access, ID)).rejects.toMatchObject({ code: 'context-not-found' });
    const refused = edge(() => new ProblemError('forbidden', 'scope').toResponse());
    await expect(deleteContext(refused.access, ID)).rejects.toMatchObject({
      code: 'edge-refused',
      problemCode: 'forbidden',
    });
  });
});

describe('purgeContexts', () => {
  it('repeats the conditions with each cursor until there is none', async () => {
    const { access, requests } = edge(
      () => Response.json(page(CURSOR)),
      () => Response.json(page(null)),
    );
    const pages: PurgeResult[] = [];
    for await (const result of purgeContexts(access, { model: 'm', dryRun: true })) pages.push(result);
    expect(pages).toEqual([page(CURSOR), page(null)]);
    expect(requests.map((request) => request.body)).toEqual([
      { model: 'm', dryRun: true },
      { model: 'm', dryRun: true, cursor: CURSOR },
    ]);
  });

  it('asks no more once its loop is left', async () => {
    const { access, requests } = edge(() => Response.json(page(CURSOR)));
    for await (const _ of purgeContexts(access, { ids: [ID] })) break;
    expect(requests).toHaveLength(1);
  });
});
