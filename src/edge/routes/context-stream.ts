import { createRoute, z } from '@hono/zod-openapi';
import { Id, type Manifest } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import { STREAM_TYPE } from '../../protocol/stream-frames.ts';
import { tokensRange } from '../context-tokens.ts';
import type { App } from '../env.ts';
import type { ByteRange } from '../http/range.ts';
import { blobKey } from '../keys.ts';
import { ownedBy } from '../locate.ts';
import { errorFields, writeLog } from '../log.ts';
import { openPublished } from '../published-context.ts';
import { ClientClock } from '../stream/client-clock.ts';
import { sessionFor } from '../stream/plan-session.ts';
import { StreamQuery } from '../stream/query.ts';
import { writeStream } from '../stream/write-stream.ts';
import type { OpenedBlob } from '../tiers/blobs.ts';
import { IMMUTABLE } from '../tiers/policy.ts';
import { addRoute, problemResponses, READER, readingOf } from './route.ts';

const getStream = createRoute({
  method: 'get',
  path: '/v1/contexts/{id}/stream',
  summary: 'The whole context as frames: each chunk at the level, or as the text, that meets the deadline',
  security: READER,
  request: { params: z.object({ id: Id }), query: StreamQuery },
  responses: {
    200: {
      description: 'Frames: manifest, tokens, ranges of KV, end',
      content: { [STREAM_TYPE]: { schema: z.string() } },
    },
    ...problemResponses(
      'bad-request',
      'unauthorized',
      'forbidden',
      'context-not-found',
      'context-gone',
      'stream-too-long',
      'rate-limited',
    ),
  },
});

/** A plan takes time that grows with the square of the chunks: 2 ms at this many, of a request's CPU time. */
const MAX_CHUNKS = 128;

export function addContextStreamRoute(app: App): void {
  addRoute(app, getStream, async (c) => {
    const { id } = c.req.valid('param');
    const query = c.req.valid('query');
    const reading = readingOf(c);
    const { tiers } = reading;
    const { tenant, missing, body } = await openPublished(reading, id, ({ bytes }) => ({
      offset: 0,
      length: bytes,
    }));
    const manifestJson = await bytesOf(body);
    const manifest = JSON.parse(new TextDecoder().decode(manifestJson)) as Manifest; // checked when it was published
    if (manifest.chunks.length > MAX_CHUNKS) {
      throw new ProblemError(
        'stream-too-long',
        `the context has ${manifest.chunks.length} chunks, at most ${MAX_CHUNKS} are streamed`,
      );
    }

    const headers = { 'content-type': STREAM_TYPE, 'cache-control': 'no-store, no-transform' };
    const answer = (body: ReadableStream | null) => ownedBy(tenant, new Response(body, { headers }));
    const goesOn = query.have !== undefined;
    const stored = await tiers.open(blobKey.tokens(id, tenant), IMMUTABLE, tokensRange);
    if (stored === null) throw await missing();
    const tokens = new TextEncoder().encode(
      `{"id":"${id}","from":0,"chunks":[${new TextDecoder().decode(await bytesOf(stored.body))}]}`,
    );
    const session = sessionFor(manifest, query, goesOn ? 0 : tokens.length);
    if (c.req.raw.method === 'HEAD') return answer(null);

    const open = async (chunk: number, range: ByteRange) => {
      const key = blobKey.chunk(manifest.chunks[chunk]!.id, tenant);
      const opened = await tiers.open(key, IMMUTABLE, () => range);
      const body = new Response(opened?.body).body;
      if (opened === null || body === null) throw new Error(`chunk ${chunk} is gone`);
      return body as ReadableStream<Uint8Array>;
    };
    const { mbitPerSecond = Number.POSITIVE_INFINITY, roundTripMs = 0 } = query;
    const { readable, writable } = new IdentityTransformStream();
    const sink = writable.getWriter();
    c.executionCtx.waitUntil(
      writeStream(sink, {
        manifest,
        head: goesOn ? null : { manifest: manifestJson, tokens },
        session,
        clock: new ClientClock((mbitPerSecond * 1000) / 8, roundTripMs),
        open,
      }).then(
        () => sink.close(),
        (error) => {
          // A client that has hung up, or a chunk that was removed: it goes on with `have`, or starts anew.
          writeLog('warn', 'stream broke off', { requestId: c.get('requestId'), ...errorFields(error) });
          return sink.abort(error).catch(() => {});
        },
      ),
    );
    return answer(readable);
  });
}

async function bytesOf(body: OpenedBlob['body']): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(body).arrayBuffer());
}
