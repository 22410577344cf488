import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { createEdge } from '../../src/edge/app.ts';
import { BlobTiers } from '../../src/edge/tiers/blobs.ts';
import { cacheStatus, type TierOutcome } from '../../src/edge/tiers/outcome.ts';
import { IMMUTABLE } from '../../src/edge/tiers/policy.ts';
import { sha256Hex } from '../../src/protocol/ids.ts';
import { BINDINGS, BUCKET, edge, put } from './support/edge.ts';
import { levelsOf, makeChunk, unusedId } from './support/objects.ts';

type Read = { key: string; range: R2Range | undefined };

/** The bucket, with a record of what is read from it. */
function watched(bucket: R2Bucket, reads: Read[]): R2Bucket {
  return new Proxy(bucket, {
    get(target, name) {
      if (name === 'get') {
        return (key: string, options?: R2GetOptions) => {
          reads.push({ key, range: options?.range as R2Range | undefined });
          return target.get(key, options as R2GetOptions);
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('the read path', () => {
  it('reads from R2 just the bytes that the client asked for, apart from the fill', async () => {
    const id = unusedId();
    const object = makeChunk({ id, wordBytes: 100_000 });
    await put(`/v1/chunks/${id}`, object);
    const [draft] = await levelsOf(object);
    const reads: Read[] = [];
    await edge(`/v1/chunks/${id}?level=draft`, { env: { BLOBS: watched(BUCKET, reads) } });
    const key = `chunks/${id}`;
    expect(reads).toEqual([
      { key, range: { offset: 0, length: draft!.bytes } },
      { key, range: undefined },
    ]);
  });

  it('reads nothing from R2 for a HEAD, a 304 or a 416', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    const reads: Read[] = [];
    const env = { BLOBS: watched(BUCKET, reads) };
    const etag = `"${await sha256Hex(object)}"`;
    await edge(`/v1/chunks/${id}`, { env, method: 'HEAD' });
    await edge(`/v1/chunks/${id}`, { env, headers: { 'if-none-match': etag } });
    await edge(`/v1/chunks/${id}`, { env, headers: { range: 'bytes=99999999-' } });
    expect(reads).toEqual([]);
  });

  it('reads only the header for maxBytes, then the prefix', async () => {
    const id = unusedId();
    const object = makeChunk({ id, wordBytes: 100_000 });
    await put(`/v1/chunks/${id}`, object);
    const reads: Read[] = [];
    await edge(`/v1/chunks/${id}?maxBytes=150000`, { env: { BLOBS: watched(BUCKET, reads) } });
    const ranges = reads.flatMap(({ range }) => (range === undefined ? [] : [range as { length: number }]));
    expect(ranges[0]!.length).toBeLessThan(1000);
    expect(ranges.every(({ length }) => length <= 150_000)).toBe(true);
  });

  it('streams an object near the size limit instead of holding it', async () => {
    const id = unusedId();
    const object = makeChunk({ id, wordBytes: 8_000_000 });
    expect(object.length).toBeGreaterThan(60_000_000);
    await put(`/v1/chunks/${id}`, object);

    let delivered = 0;
    const counted = new Proxy(BUCKET, {
      get(target, name) {
        if (name === 'get') {
          return async (key: string, options: R2GetOptions) => {
            const stored = (await target.get(key, options)) as R2ObjectBody;
            // A body that is counted as it is pulled: whoever buffers it pulls all of it.
            const count = new TransformStream<Uint8Array, Uint8Array>(
              {
                transform(part, controller) {
                  delivered += part.length;
                  controller.enqueue(part);
                },
              },
              undefined,
              { highWaterMark: 0 },
            );
            return { ...pick(stored), body: stored.body.pipeThrough(count) };
          };
        }
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const work: Promise<unknown>[] = [];
    const ctx = createExecutionContext();
    ctx.waitUntil = (promise) => void work.push(promise.catch(() => {}));
    // Without the fill, which reads for the cache and not for this client.
    const noFill = new Proxy(counted, {
      get: (target, name) =>
        name === 'get'
          ? (key: string, options?: R2GetOptions) =>
              options?.range === undefined ? null : target.get(key, options)
          : Reflect.get(target, name),
    });
    const response = await createEdge().fetch(
      new Request(`https://edge.test/v1/chunks/${id}`),
      { ...BINDINGS, BLOBS: noFill },
      ctx,
    );
    expect(response.headers.get('content-length')).toBe(String(object.length));
    const reader = response.body!.getReader();
    let read = 0;
    while (read < 1_000_000) read += (await reader.read()).value!.length;
    expect(delivered).toBeLessThan(4_000_000);
    await reader.cancel();
    await Promise.all(work);
    await waitOnExecutionContext(ctx);
  });

  it('fills the cache once for many misses at a time', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id }));
    const reads: Read[] = [];
    const env = { BLOBS: watched(BUCKET, reads) };
    const responses = await Promise.all(Array.from({ length: 8 }, () => edge(`/v1/chunks/${id}`, { env })));
    expect(responses.every((response) => response.status === 200)).toBe(true);
    expect(reads.filter(({ range }) => range === undefined).length).toBe(1);
  });

  it('does not mix two objects when the stored one was replaced behind its back', async () => {
    const id = unusedId();
    const key = `chunks/${id}`;
    const second = makeChunk({ id, seed: 2 });
    await put(`/v1/chunks/${id}`, second);
    const { customMetadata } = (await BUCKET.head(key))!;
    await BUCKET.delete(key);
    await put(`/v1/chunks/${id}`, makeChunk({ id, seed: 1 }));
    await edge(`/v1/chunks/${id}?level=draft`);

    await BUCKET.put(key, second, { sha256: await sha256Hex(second), customMetadata: customMetadata! });
    await caches.default.delete(`https://edge.test/.cache/${key}`);
    const response = await edge(`/v1/chunks/${id}?level=draft`);
    const [draft] = await levelsOf(second);
    expect(response.headers.get('etag')).toBe(`"${draft!.sha256}"`);
    expect(await sha256Hex(new Uint8Array(await response.arrayBuffer()))).toBe(draft!.sha256);
  });

  it('forgets a removed object when another is stored under its id', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id, seed: 1 }));
    await edge(`/v1/chunks/${id}`);
    await BUCKET.delete(`chunks/${id}`);
    const second = makeChunk({ id, seed: 2 });
    expect((await put(`/v1/chunks/${id}`, second)).status).toBe(201);
    const response = await edge(`/v1/chunks/${id}`, { method: 'HEAD' });
    expect(response.headers.get('etag')).toBe(`"${await sha256Hex(second)}"`);
  });

  it('still serves a cached chunk when R2 fails', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    await edge(`/v1/chunks/${id}`);
    const broken = new Proxy(BUCKET, {
      get: () => () => Promise.reject(new Error('R2 is down')),
    });
    const response = await edge(`/v1/chunks/${id}`, { env: { BLOBS: broken } });
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(object);
  });
});

describe('the outcome of an open', () => {
  it('is told to whoever counts: where the bytes came from, why, and what became of the cache', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    const seen: TierOutcome[] = [];
    const work: Promise<void>[] = [];
    const tiers = new BlobTiers(BUCKET, caches.default, 'https://edge.test/v1', {
      waitUntil: (promise) => void work.push(promise),
      onOutcome: (outcome) => seen.push(outcome),
    });
    const open = async (length: number | null) => {
      const opened = await tiers.open(`chunks/${id}`, IMMUTABLE, () =>
        length === null ? null : { offset: 0, length },
      );
      await new Response(opened!.body).arrayBuffer();
      await Promise.all(work);
    };
    await open(object.length);
    await open(object.length);
    await open(10);
    await open(null);
    const hit = { forward: null, fill: null, stale: null, ageSeconds: 0, ttlSeconds: null };
    expect(seen).toEqual([
      { ...hit, tier: 'store', forward: 'uri-miss', fill: 'stored' },
      { ...hit, tier: 'cache' },
      { ...hit, tier: 'cache' },
      { ...hit, tier: 'memory' },
    ]);
    expect(seen.map((outcome) => cacheStatus(outcome))).toEqual([
      'kvedge; fwd=uri-miss; stored',
      'kvedge; hit',
      'kvedge; hit',
      'kvedge; hit; detail=memory',
    ]);
  });
});

function pick(object: R2ObjectBody) {
  return {
    key: object.key,
    size: object.size,
    uploaded: object.uploaded,
    checksums: object.checksums,
    customMetadata: object.customMetadata,
  };
}
