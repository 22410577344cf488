import { createRoute, z } from '@hono/zod-openapi';
import { ContextTokens, Id } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { chunksRange, indexRange, tokensCount } from '../context-tokens.ts';
import type { App } from '../env.ts';
import { decidePrecondition } from '../http/conditional.ts';
import { formatHttpDate } from '../http/date.ts';
import { blobKey } from '../keys.ts';
import { ownedBy } from '../locate.ts';
import { openPublished } from '../published-context.ts';
import { setTierHeaders } from '../tiers/outcome.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { addRoute, problemResponses, READER, readingOf } from './route.ts';

const ChunkIndex = z
  .string()
  .regex(/^\d{1,4}$/, 'expected a chunk index')
  .transform(Number)
  .optional();

const getTokens = createRoute({
  method: 'get',
  path: '/v1/contexts/{id}/tokens',
  summary: 'Token ids and text of chunks from .. to - 1: the fallback when KV would be slower',
  security: READER,
  request: {
    params: z.object({ id: Id }),
    query: z.strictObject({ from: ChunkIndex, to: ChunkIndex }),
  },
  responses: {
    200: {
      description: 'The tokens, chunk by chunk',
      content: { 'application/json': { schema: ContextTokens } },
    },
    304: { description: 'If-None-Match names the entity tag' },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'context-not-found',
      'context-gone',
      'precondition-failed',
      'rate-limited',
    ),
  },
});

export function addContextTokensRoute(app: App): void {
  addRoute(app, getTokens, async (c) => {
    const { id } = c.req.valid('param');
    const query = c.req.valid('query');
    const reading = readingOf(c);
    const { tiers } = reading;
    const { tenant, missing, representation } = await openPublished(reading, id, () => null);

    let from = 0;
    let to = 0;
    let headers: Record<string, string> = {};
    const key = blobKey.tokens(id, tenant);
    const index = await tiers.open(key, IMMUTABLE, (head) => {
      const count = tokensCount(head.meta);
      from = query.from ?? 0;
      to = query.to ?? count;
      if (from > to || to > count) {
        throw new ProblemError(
          'bad-request',
          `from=${from}, to=${to}: expected 0 <= from <= to <= ${count}, the number of chunks`,
        );
      }
      const validators = { etag: `"${head.sha256}.${from}-${to}"`, modifiedAtMs: head.storedAtMs };
      headers = {
        etag: validators.etag,
        'last-modified': formatHttpDate(head.storedAtMs),
        'cache-control': representation.cacheControl,
        'accept-ranges': 'none',
      };
      const precondition = decidePrecondition(c.req.raw.headers, validators, Date.now());
      if (precondition === 'failed') {
        throw new ProblemError('precondition-failed', `the entity tag is ${validators.etag}`);
      }
      return precondition === 'not-modified' ? null : indexRange(from, to);
    });
    if (index === null) throw await missing();
    setTierHeaders(headers, index.outcome);
    if (index.body === null) return ownedBy(tenant, new Response(null, { status: 304, headers }));

    const range = chunksRange(new Uint8Array(await new Response(index.body).arrayBuffer()));
    const before = new TextEncoder().encode(`{"id":"${id}","from":${from},"chunks":[`);
    const after = new TextEncoder().encode(']}');
    const bytes = before.length + (range?.length ?? 0) + after.length;
    headers['content-type'] = 'application/json';
    headers['content-length'] = String(bytes);
    if (c.req.raw.method === 'HEAD') return ownedBy(tenant, new Response(null, { headers }));

    const chunks = range === null ? null : await tiers.open(key, IMMUTABLE, () => range);
    if (range !== null && chunks === null) throw await missing();
    const stream = new FixedLengthStream(bytes);
    c.executionCtx.waitUntil(
      joinStreams(stream.writable, before, new Response(chunks?.body).body, after).catch(() => {}),
    );
    return ownedBy(tenant, new Response(stream.readable, { headers }));
  });
}

async function joinStreams(
  sink: WritableStream<Uint8Array>,
  before: Uint8Array,
  body: ReadableStream<Uint8Array> | null,
  after: Uint8Array,
): Promise<void> {
  const head = sink.getWriter();
  await head.write(before);
  head.releaseLock();
  await body?.pipeTo(sink, { preventClose: true });
  const tail = sink.getWriter();
  await tail.write(after);
  await tail.close();
}
