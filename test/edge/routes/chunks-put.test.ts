import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { BUCKET, edge, expectProblem, put } from '../support/edge.ts';
import { levelsOf, makeChunk, unusedId } from '../support/objects.ts';

describe('PUT /v1/chunks/{id}', () => {
  it('stores a valid object and says what its levels are', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const response = await put(`/v1/chunks/${id}`, object);
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`/v1/chunks/${id}`);
    expect(await response.json()).toEqual({ id, levels: await levelsOf(object) });
    expect(new Uint8Array(await (await edge(`/v1/chunks/${id}`)).arrayBuffer())).toEqual(object);
  });

  it('keeps the metadata of six levels within what R2 allows', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id }));
    const { customMetadata = {} } = (await BUCKET.head(`chunks/${id}`))!;
    expect(JSON.stringify(customMetadata).length * (6 / 4)).toBeLessThan(2048);
  });

  it('is idempotent', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const first = await put(`/v1/chunks/${id}`, object);
    const second = await put(`/v1/chunks/${id}`, object);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(await second.json()).toEqual(await first.json());
  });

  it('keeps the first of two valid encodings and answers with its levels', async () => {
    const id = unusedId();
    const first = makeChunk({ id, seed: 1 });
    await put(`/v1/chunks/${id}`, first);
    const response = await put(`/v1/chunks/${id}`, makeChunk({ id, seed: 2, wordBytes: 80 }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ id, levels: await levelsOf(first) });
    expect(new Uint8Array(await (await edge(`/v1/chunks/${id}`)).arrayBuffer())).toEqual(first);
  });

  it('lets exactly one of many writers at once create the object', async () => {
    const id = unusedId();
    const responses = await Promise.all(
      Array.from({ length: 12 }, (_, seed) => put(`/v1/chunks/${id}`, makeChunk({ id, seed }))),
    );
    expect(responses.filter((r) => r.status === 201)).toHaveLength(1);
    expect(responses.filter((r) => r.status === 200)).toHaveLength(11);
    const bodies = new Set(await Promise.all(responses.map((r) => r.text())));
    expect(bodies.size).toBe(1);
  });

  it('refuses an object under the id whose header differs from the stored one', async () => {
    const id = unusedId();
    await put(`/v1/chunks/${id}`, makeChunk({ id }));
    const response = await put(`/v1/chunks/${id}`, makeChunk({ id, firstPosition: 256 }));
    expect(await expectProblem(response, 409, 'conflict')).toContain('position');
  });

  it('refuses an object whose header names another chunk', async () => {
    const response = await put(`/v1/chunks/${unusedId()}`, makeChunk({ id: unusedId() }));
    await expectProblem(response, 422, 'invalid-content');
  });

  it('refuses every truncation', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const levels = await levelsOf(object);
    for (const length of [0, 1, 11, 100, levels[0]!.bytes, object.length - 1]) {
      const response = await put(`/v1/chunks/${id}`, object.slice(0, length));
      expect(await expectProblem(response, 422, 'invalid-chunk'), `${length}`).toContain('truncated');
    }
    expect(await BUCKET.head(`chunks/${id}`)).toBeNull();
  });

  it('refuses an object with one bit flipped, wherever it is', async () => {
    const id = unusedId();
    const object = makeChunk({ id, wordBytes: 8 });
    for (let at = 0; at < object.length; at += 41) {
      const altered = object.slice();
      altered[at]! ^= 1 << (at % 8);
      await expectProblem(await put(`/v1/chunks/${id}`, altered), 422, 'invalid-chunk');
    }
    expect(await BUCKET.head(`chunks/${id}`)).toBeNull();
  });

  it('refuses bytes after the object, a subset, and what is no chunk at all', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const longer = new Uint8Array(object.length + 1);
    longer.set(object);
    await expectProblem(await put(`/v1/chunks/${id}`, longer), 422, 'invalid-chunk');
    const subset = await put(`/v1/chunks/${id}`, makeChunk({ id, flags: 1 }));
    expect(await expectProblem(subset, 422, 'invalid-chunk')).toContain('subset');
    const text = new TextEncoder().encode('hello '.repeat(100)) as Uint8Array<ArrayBuffer>;
    expect(await expectProblem(await put(`/v1/chunks/${id}`, text), 422, 'invalid-chunk')).toContain(
      'bad-magic',
    );
  });

  it('asks for a Content-Length and holds it to the limit before reading the body', async () => {
    const path = `/v1/chunks/${unusedId()}`;
    let pulled = 0;
    const endless = () =>
      new ReadableStream(
        {
          pull(controller) {
            pulled++;
            controller.enqueue(new Uint8Array(1024));
          },
        },
        { highWaterMark: 0 },
      );
    const unannounced = await edge(path, { method: 'PUT', scope: 'compute', body: endless() });
    await expectProblem(unannounced, 411, 'length-required');
    const tooLarge = await edge(path, {
      method: 'PUT',
      scope: 'compute',
      body: endless(),
      headers: { 'content-length': String(LIMITS.chunkBytes + 1) },
    });
    expect(await expectProblem(tooLarge, 413, 'too-large')).toContain('chunkBytes');
    expect(pulled).toBe(0);
  });

  it('refuses a malformed id', async () => {
    const id = unusedId();
    for (const bad of [id.slice(1), id.toUpperCase().replace(/^./, 'A'), `${id}0`, 'x']) {
      await expectProblem(await put(`/v1/chunks/${bad}`, makeChunk({ id })), 400, 'bad-request');
    }
  });
});
