import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/protocol/ids.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { BUCKET, edge, expectProblem, put } from '../support/edge.ts';
import { makeProfile, unusedId } from '../support/objects.ts';

/** Profiles of different rank have different ids, so each test has its own. */
let rank = 20;
async function newProfile() {
  const file = makeProfile(++rank);
  return { file, path: `/v1/profiles/${await sha256Hex(file)}`, id: await sha256Hex(file) };
}

describe('PUT and GET /v1/profiles/{id}', () => {
  it('stores a profile once and serves it, ranges and all', async () => {
    const { file, path, id } = await newProfile();
    const first = await put(path, file);
    expect(first.status).toBe(201);
    expect(await first.json()).toEqual({ id, bytes: file.length });
    expect((await put(path, file)).status).toBe(200);

    const whole = await edge(path);
    expect(whole.headers.get('etag')).toBe(`"${id}"`);
    expect(whole.headers.get('content-type')).toBe('application/vnd.kvedge.profile');
    expect(whole.headers.get('cache-control')).toContain('immutable');
    expect(new Uint8Array(await whole.arrayBuffer())).toEqual(file);

    const part = await edge(path, { headers: { range: 'bytes=4-7' } });
    expect(part.status).toBe(206);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(file.slice(4, 8));
    const head = await edge(path, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(file.length));
    expect((await edge(path, { headers: { 'if-none-match': `"${id}"` } })).status).toBe(304);
  });

  it('refuses a body whose digest is not the id, and stores nothing', async () => {
    const { file } = await newProfile();
    const id = unusedId();
    await expectProblem(await put(`/v1/profiles/${id}`, file), 422, 'invalid-content');
    expect(await BUCKET.head(`profiles/${id}`)).toBeNull();
  });

  it.each<[string, (file: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>, string]>([
    ['another magic', (f) => f.with(0, 0x4c), 'bad-magic'],
    ['another version', (f) => f.with(4, 2), 'unsupported'],
    ['a reserved field in use', (f) => f.with(6, 1), 'unsupported'],
    ['a truncated file', (f) => f.slice(0, -1), 'truncated'],
    ['bytes left over', (f) => Uint8Array.from([...f, 0]), 'truncated'],
    ['a head without end', (f) => f.slice(0, 9), 'truncated'],
    ['nothing', () => new Uint8Array(0), 'truncated'],
  ])('refuses %s', async (_name, alter, word) => {
    const file = alter((await newProfile()).file);
    const id = await sha256Hex(file);
    const detail = await expectProblem(await put(`/v1/profiles/${id}`, file), 422, 'invalid-profile');
    expect(detail).toContain(word);
    expect(await BUCKET.head(`profiles/${id}`)).toBeNull();
  });

  it('checks the head of a profile that arrives byte by byte', async () => {
    const { file, path } = await newProfile();
    const drip = new ReadableStream({
      start(controller) {
        for (const byte of file) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const response = await edge(path, {
      method: 'PUT',
      scope: 'compute',
      body: drip,
      headers: { 'content-length': String(file.length) },
    });
    expect(response.status).toBe(201);
  });

  it('asks for a Content-Length and holds it to the limit', async () => {
    const path = `/v1/profiles/${unusedId()}`;
    const body = new ReadableStream();
    await expectProblem(await edge(path, { method: 'PUT', scope: 'compute', body }), 411, 'length-required');
    const headers = { 'content-length': String(LIMITS.profileBytes + 1) };
    const large = await edge(path, { method: 'PUT', scope: 'compute', body: new ReadableStream(), headers });
    expect(await expectProblem(large, 413, 'too-large')).toContain('profileBytes');
  });

  it('does not know an id that was never stored', async () => {
    await expectProblem(await edge(`/v1/profiles/${unusedId()}`), 404, 'profile-not-found');
  });
});
