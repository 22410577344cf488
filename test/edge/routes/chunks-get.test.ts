import { beforeAll, describe, expect, it } from 'vitest';
import { reprDigest } from '../../../src/edge/http/representation.ts';
import { sha256Hex } from '../../../src/protocol/ids.ts';
import { edge, expectProblem, put } from '../support/edge.ts';
import { LEVEL_NAMES, levelsOf, makeChunk, makeProfile, unusedId } from '../support/objects.ts';

const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe('GET /v1/chunks/{id}', () => {
  const id = unusedId();
  const path = `/v1/chunks/${id}`;
  let object: Uint8Array<ArrayBuffer>;
  let sha256: string;
  let levels: Awaited<ReturnType<typeof levelsOf>>;

  beforeAll(async () => {
    const profile = makeProfile();
    const profileId = await sha256Hex(profile);
    object = makeChunk({ id, profileId });
    sha256 = await sha256Hex(object);
    levels = await levelsOf(object);
    await put(`/v1/profiles/${profileId}`, profile);
    expect((await put(path, object)).status).toBe(201);
  });

  it('gives the whole object, first from R2 and then from the cache', async () => {
    const fresh = unusedId();
    await put(`/v1/chunks/${fresh}`, makeChunk({ id: fresh }));
    const statuses: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const response = await edge(`/v1/chunks/${fresh}`);
      expect(response.status).toBe(200);
      expect(await bytesOf(response)).toEqual(makeChunk({ id: fresh }));
      statuses.push(response.headers.get('cache-status'));
    }
    expect(statuses).toEqual(['kvedge; fwd=uri-miss; stored', 'kvedge; hit', 'kvedge; hit']);
  });

  it('describes what it sends', async () => {
    const { headers } = await edge(path);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/vnd.kvedge.chunk',
      'content-length': String(object.length),
      'cache-control': 'public, max-age=31536000, immutable, no-transform',
      'accept-ranges': 'bytes',
      etag: `"${sha256}"`,
      'repr-digest': reprDigest(sha256),
    });
    expect(headers.has('x-kvedge-head')).toBe(false);
  });

  it('serves every level as a prefix with its own tag and digest, from R2 and from the cache', async () => {
    for (const fresh of [true, false]) {
      const target = fresh ? unusedId() : id;
      const stored = fresh ? makeChunk({ id: target }) : object;
      if (fresh) await put(`/v1/chunks/${target}`, stored);
      for (const level of await levelsOf(stored)) {
        const response = await edge(`/v1/chunks/${target}?level=${level.name}`);
        expect(response.status).toBe(200);
        expect(await bytesOf(response)).toEqual(stored.slice(0, level.bytes));
        expect(response.headers.get('content-length')).toBe(String(level.bytes));
        expect(response.headers.get('etag')).toBe(`"${level.sha256}"`);
        expect(response.headers.get('repr-digest')).toBe(reprDigest(level.sha256));
      }
    }
  });

  it('serves every level from one cached object', async () => {
    const fresh = unusedId();
    await put(`/v1/chunks/${fresh}`, makeChunk({ id: fresh }));
    const statuses: string[] = [];
    for (const name of LEVEL_NAMES) {
      const response = await edge(`/v1/chunks/${fresh}?level=${name}`);
      statuses.push(response.headers.get('cache-status') ?? '');
    }
    expect(statuses).toEqual(['kvedge; fwd=uri-miss; stored', 'kvedge; hit', 'kvedge; hit', 'kvedge; hit']);
  });

  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=5-', 5, undefined],
    ['bytes=-7', -7, undefined],
    ['bytes=0-99999999', 0, undefined],
  ])('answers %s with 206 of the whole and of a level', async (range, from, length) => {
    for (const level of [undefined, levels[1]!]) {
      const selected = object.slice(0, level?.bytes);
      const expected = selected.slice(from).slice(0, length);
      const response = await edge(level ? `${path}?level=${level.name}` : path, { headers: { range } });
      expect(response.status).toBe(206);
      expect(await bytesOf(response)).toEqual(expected);
      const start = from < 0 ? selected.length + from : from;
      expect(response.headers.get('content-range')).toBe(
        `bytes ${start}-${start + expected.length - 1}/${selected.length}`,
      );
      expect(response.headers.get('content-length')).toBe(String(expected.length));
      expect(response.headers.get('repr-digest')).toBe(reprDigest(level?.sha256 ?? sha256));
    }
  });

  it('fetches any range byte for byte, cold and warm', async () => {
    for (let i = 0; i < 20; i++) {
      const from = Math.floor(Math.random() * object.length);
      const to = from + Math.floor(Math.random() * (object.length - from));
      const response = await edge(path, { headers: { range: `bytes=${from}-${to}` } });
      expect(await bytesOf(response)).toEqual(object.slice(from, to + 1));
    }
  });

  it('answers a range outside of the object or of the level with 416', async () => {
    const outside = await edge(path, { headers: { range: `bytes=${object.length}-` } });
    expect(outside.headers.get('content-range')).toBe(`bytes */${object.length}`);
    await expectProblem(outside, 416, 'range-not-satisfiable');
    const { name, bytes } = levels[0]!;
    const beyond = await edge(`${path}?level=${name}`, { headers: { range: `bytes=${bytes}-` } });
    expect(beyond.headers.get('content-range')).toBe(`bytes */${bytes}`);
    await expectProblem(beyond, 416, 'range-not-satisfiable');
  });

  it.each(['bytes=0-1,3-4', 'bytes=9-1', 'lines=1-2', 'bytes=x'])('ignores Range: %s', async (range) => {
    const response = await edge(path, { headers: { range } });
    expect(response.status).toBe(200);
    expect(await bytesOf(response)).toEqual(object);
  });

  it('heeds If-Range', async () => {
    const range = 'bytes=0-0';
    const same = await edge(path, { headers: { range, 'if-range': `"${sha256}"` } });
    const other = await edge(path, { headers: { range, 'if-range': '"other"' } });
    expect([same.status, other.status]).toEqual([206, 200]);
  });

  it('answers 304 and 412 without a body', async () => {
    const etag = `"${levels[2]!.sha256}"`;
    const unchanged = await edge(`${path}?level=high`, { headers: { 'if-none-match': etag } });
    expect(unchanged.status).toBe(304);
    expect(unchanged.headers.get('etag')).toBe(etag);
    expect(unchanged.headers.get('cache-control')).toContain('immutable');
    expect(unchanged.headers.has('content-length')).toBe(false);
    expect(await unchanged.text()).toBe('');
    await expectProblem(await edge(path, { headers: { 'if-match': '"other"' } }), 412, 'precondition-failed');
  });

  it('answers HEAD like GET without a body, and ignores its Range', async () => {
    const response = await edge(`${path}?level=draft`, { method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-length')).toBe(String(levels[0]!.bytes));
    expect(response.headers.get('etag')).toBe(`"${levels[0]!.sha256}"`);
    expect(await response.text()).toBe('');
  });

  it('cuts to the longest prefix within maxBytes that ends with a segment', async () => {
    const segmentBytes = (object.length - levels[0]!.bytes) / 6;
    for (const slack of [0, 1, segmentBytes - 1]) {
      const at = levels[1]!.bytes + segmentBytes;
      const response = await edge(`${path}?maxBytes=${at + slack}`);
      expect(response.status).toBe(200);
      expect(await bytesOf(response)).toEqual(object.slice(0, at));
      expect(response.headers.has('repr-digest')).toBe(false);
      expect(response.headers.get('etag')).toBe(`"${sha256}.${at}"`);
    }
  });

  it('knows when maxBytes gives a level or the whole', async () => {
    const level = await edge(`${path}?maxBytes=${levels[1]!.bytes + 3}`);
    expect(level.headers.get('etag')).toBe(`"${levels[1]!.sha256}"`);
    const all = await edge(`${path}?maxBytes=9999999999`);
    expect(all.headers.get('etag')).toBe(`"${sha256}"`);
    expect(await bytesOf(all)).toEqual(object);
  });

  it('refuses a budget that not even header and prelude fit', async () => {
    const detail = await expectProblem(await edge(`${path}?maxBytes=100`), 422, 'budget-too-small');
    const least = Number(/least is (\d+)/.exec(detail)![1]);
    expect((await edge(`${path}?maxBytes=${least}`)).headers.get('content-length')).toBe(String(least));
    await expectProblem(await edge(`${path}?maxBytes=${least - 1}`), 422, 'budget-too-small');
  });

  it('cuts layers into an object of its own that holds their segments', async () => {
    const both = await bytesOf(await edge(`${path}?layers=1-2`));
    const one = await edge(`${path}?layers=2-3`);
    const bytes = await bytesOf(one);
    expect(bytes.length).toBeLessThan(both.length);
    expect(bytes[7]).toBe(1);
    expect(one.headers.get('etag')).toBe(`"${await sha256Hex(bytes)}"`);
    expect(one.headers.get('repr-digest')).toBe(reprDigest(await sha256Hex(bytes)));
    const range = await edge(`${path}?layers=2-3`, { headers: { range: 'bytes=4-8' } });
    expect(range.status).toBe(206);
    expect(await bytesOf(range)).toEqual(bytes.slice(4, 9));
    const head = await edge(`${path}?layers=2-3`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
  });

  it('refuses layers that the model lacks, and layers without the profile', async () => {
    await expectProblem(await edge(`${path}?layers=0-4`), 400, 'bad-request');
    await expectProblem(await edge(`${path}?layers=2-1`), 400, 'bad-request');
    const orphan = unusedId();
    await put(`/v1/chunks/${orphan}`, makeChunk({ id: orphan, profileId: unusedId() }));
    await expectProblem(await edge(`/v1/chunks/${orphan}?layers=0-1`), 404, 'profile-not-found');
  });

  it('refuses an unknown level and names the known ones', async () => {
    const detail = await expectProblem(await edge(`${path}?level=ultra`), 422, 'unknown-level');
    for (const name of LEVEL_NAMES) expect(detail).toContain(name);
  });

  it.each([
    'level=draft&maxBytes=1000',
    'level=draft&level=high',
    'layers=0-1&level=draft',
    'levels=draft',
    'level=',
    'level=DRAFT',
    'maxBytes=-1',
    'maxBytes=1e3',
    'maxBytes=',
    'layers=1',
    'layers=a-b',
  ])('refuses ?%s', async (query) => {
    await expectProblem(await edge(`${path}?${query}`), 400, 'bad-request');
  });

  it('does not know an id that was never stored', async () => {
    for (const query of ['', '?level=draft', '?maxBytes=10000', '?layers=0-1']) {
      await expectProblem(await edge(`/v1/chunks/${unusedId()}${query}`), 404, 'chunk-not-found');
    }
  });
});
