import { beforeAll, describe, expect, it } from 'vitest';
import { FrameReader, STREAM_TYPE, StreamEnd } from '../../../src/protocol/stream-frames.ts';
import { edge, expectProblem, publishContext } from '../support/edge.ts';
import { LEVEL_NAMES, makeContext, unusedId } from '../support/objects.ts';

type Context = Awaited<ReturnType<typeof makeContext>>;

/** Takes a body apart, in pieces of `pieceBytes`. */
function takenApart(body: Uint8Array, chunkCount: number, pieceBytes = 1_000, have: number[] = []) {
  const reader = new FrameReader();
  const order: string[] = [];
  const received = Array.from({ length: chunkCount }, (_, i) => have[i] ?? 0);
  const bytes: number[][] = received.map(() => []);
  const json: Record<string, unknown> = {};
  for (let at = 0; at < body.length; at += pieceBytes) {
    for (const part of reader.push(body.subarray(at, at + pieceBytes))) {
      order.push(part.name);
      if (part.name !== 'kv') json[part.name] = part.json;
      else {
        expect(part.fromByte).toBe(received[part.chunk]);
        received[part.chunk]! += part.bytes.length;
        bytes[part.chunk]!.push(...part.bytes);
      }
    }
  }
  return { order, received, bytes, json };
}

describe('GET /v1/contexts/{id}/stream', () => {
  let context: Context;
  const path = (query: string) => `/v1/contexts/${context.id}/stream?${query}`;
  const bodyOf = async (query: string) => new Uint8Array(await (await edge(path(query))).arrayBuffer());
  const streamed = async (query: string) => takenApart(await bodyOf(query), context.ids.length);

  beforeAll(async () => {
    context = await makeContext({ chunkCount: 3, wordBytes: 20_000 });
    await publishContext(context);
  });

  it('gives manifest, tokens, KV and the end, and bytes that are prefixes of the stored chunks', async () => {
    const response = await edge(path('deadlineMs=60000&mbitPerSecond=100'));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(STREAM_TYPE);
    expect(response.headers.get('cache-control')).toBe('no-store, no-transform');
    const { order, bytes, json } = takenApart(new Uint8Array(await response.arrayBuffer()), 3, 777);
    expect(order.slice(0, 2)).toEqual(['manifest', 'tokens']);
    expect(order.at(-1)).toBe('end');
    expect(json.manifest).toEqual(context.manifest);
    expect(json.tokens).toEqual({ id: context.id, from: 0, chunks: context.chunks });
    expect(StreamEnd.parse(json.end).levels).toEqual(Array(3).fill('near-lossless'));
    for (const [i, object] of context.objects.entries()) expect(bytes[i]).toEqual([...object]);
  });

  it('gives lower levels on a narrower link, every one complete', async () => {
    const { levels } = context.manifest.chunks[0]!;
    const bits = 8 * 3 * levels[0]!.bytes;
    let before = LEVEL_NAMES.length;
    for (const share of [40, 3.6, 1.2]) {
      const mbit = Math.max(0.001, (share * bits) / 1e6).toFixed(3);
      const { received, json } = await streamed(
        `deadlineMs=1500&mbitPerSecond=${mbit}&roundTripMs=10&decodeMs=5`,
      );
      const end = StreamEnd.parse(json.end).levels;
      for (const [i, name] of end.entries()) {
        const level = context.manifest.chunks[i]!.levels.find((one) => one.name === name)!;
        expect(received[i]).toBeGreaterThanOrEqual(level.bytes);
      }
      const finest = Math.max(...end.map((name) => LEVEL_NAMES.indexOf(name!)));
      expect(finest).toBeLessThan(before);
      before = finest + 1;
    }
    expect(before).toBeLessThan(LEVEL_NAMES.length);
  });

  it('leaves the last chunks, or all, to a client that evaluates text in time', async () => {
    const { json, received } = await streamed('deadlineMs=1000&mbitPerSecond=0.05&textTokensPerSecond=5000');
    expect(StreamEnd.parse(json.end).levels).toEqual([null, null, null]);
    expect(received.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(20_000);
    const without = await streamed('deadlineMs=1000&mbitPerSecond=0.05');
    expect(StreamEnd.parse(without.json.end).levels).not.toContain(null);
  });

  it('goes on where it broke off', async () => {
    const query = 'deadlineMs=60000&mbitPerSecond=100';
    const whole = await bodyOf(query);
    const first = takenApart(whole.subarray(0, Math.floor(whole.length * 0.4)), 3);
    expect(first.json.end).toBeUndefined();
    const rest = takenApart(await bodyOf(`${query}&have=${first.received}`), 3, 1_000, first.received);
    expect(rest.order).not.toContain('manifest');
    expect(rest.order).not.toContain('tokens');
    for (const [i, object] of context.objects.entries()) {
      expect([...first.bytes[i]!, ...rest.bytes[i]!]).toEqual([...object]);
    }
    const sizes = context.objects.map((object) => object.length);
    expect(takenApart(await bodyOf(`${query}&have=${sizes}`), 3).order).toEqual(['end']);
  });

  it('answers HEAD without a body', async () => {
    const response = await edge(path('deadlineMs=1000'), { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(STREAM_TYPE);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
  });

  it.each([
    '',
    'deadlineMs=0',
    'deadlineMs=600001',
    'deadlineMs=1e3',
    'deadlineMs=100&mbitPerSecond=0',
    'deadlineMs=100&have=',
    'deadlineMs=100&have=1,2,3,4',
    'deadlineMs=100&have=99999999',
    'deadlineMs=100&textTokensPerSecond=0',
    'deadlineMs=100&level=draft',
  ])('refuses ?%s', async (query) => {
    await expectProblem(await edge(path(query)), 400, 'bad-request');
  });

  it('knows no context that was never published', async () => {
    await expectProblem(
      await edge(`/v1/contexts/${unusedId()}/stream?deadlineMs=100`),
      404,
      'context-not-found',
    );
  });
});
