import { beforeEach, describe, expect, it } from 'vitest';
import { profileGroups } from '../../src/edge/profile-groups.ts';
import { sha256Hex, toHex } from '../../src/protocol/ids.ts';
import { BUCKET, edge, expectProblem, put } from './support/edge.ts';
import { unusedId } from './support/objects.ts';

/** The shared vectors (test/vectors/README.md) as data URLs, by file name. */
const files = import.meta.glob<string>('../vectors/**/*.{kvl,kvp}', {
  query: '?url&inline',
  import: 'default',
  eager: true,
});
const names = Object.keys(files).map((path) => path.replace('../vectors/', ''));

function vector(name: string): Uint8Array<ArrayBuffer> {
  const base64 = files[`../vectors/${name}`]!.replace(/^data:[^,]*,/, '');
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
/** The chunk id in a header (docs/format.md, section 5). */
const idOf = (chunk: Uint8Array) => toHex(chunk.subarray(76, 108));

const isCut = /\.(level|layers)-/;
const valid = names.filter((name) => /^[^/]*\.kvl$/.test(name) && !isCut.test(name));
const cuts = names.filter((name) => /^[^/]*\.kvl$/.test(name) && isCut.test(name));
const invalid = names.filter((name) => /^invalid\/.*--.*\.kvl$/.test(name));

const ofCachegen = names.filter((name) => /^cachegen\/[^/.]*\.kvl$/.test(name));
const invalidOfCachegen = names.filter((name) => /^cachegen\/invalid\/.*--.*\.kvl$/.test(name));

/** All vectors of a codec have the same chunk id. */
beforeEach(async () => {
  await BUCKET.delete(`chunks/${idOf(vector('invalid/valid.kvl'))}`);
  await BUCKET.delete(`chunks/${idOf(vector('cachegen/invalid/valid.kvl'))}`);
});

describe('objects made by the real encoder', () => {
  it('are there', () => {
    expect(valid.length).toBeGreaterThan(5);
    expect(cuts.length).toBeGreaterThan(1);
    expect(invalid.length).toBeGreaterThan(20);
  });

  it.each(valid)('%s is stored and served', async (name) => {
    const chunk = vector(name);
    const path = `/v1/chunks/${idOf(chunk)}`;
    const stored = await put(path, chunk);
    expect(stored.status).toBe(201);
    const { levels } = (await stored.json()) as { levels: { name: string; bytes: number; sha256: string }[] };
    for (const level of levels) {
      const bytes = new Uint8Array(await (await edge(`${path}?level=${level.name}`)).arrayBuffer());
      expect(bytes.length).toBe(level.bytes);
      expect(await sha256Hex(bytes)).toBe(level.sha256);
    }
  });

  it.each(cuts)('%s is what the Worker cuts', async (name) => {
    const [base, kind, argument] = /^(.*)\.(level|layers)-(.*)\.kvl$/.exec(name)!.slice(1) as [
      string,
      string,
      string,
    ];
    const chunk = vector(`${base}.kvl`);
    const profile = vector(`${base}.kvp`);
    await put(`/v1/profiles/${await sha256Hex(profile)}`, profile);
    await put(`/v1/chunks/${idOf(chunk)}`, chunk);
    const response = await edge(`/v1/chunks/${idOf(chunk)}?${kind}=${argument}`);
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(vector(name));
  });

  it.each(cuts)('%s is no chunk to be stored', async (name) => {
    await expectProblem(await put(`/v1/chunks/${idOf(vector(name))}`, vector(name)), 422, 'invalid-chunk');
  });

  it.each(invalid)('%s is refused', async (name) => {
    const chunk = vector(name);
    const id = chunk.length >= 108 ? idOf(chunk) : unusedId();
    const response = await put(`/v1/chunks/${id}`, chunk);
    const error = /^invalid\/(.*)--/.exec(name)![1]!;
    if (error === 'wrong-profile') {
      // Without its profile the object is valid; the manifest that names it would be refused.
      expect(response.status).toBe(201);
      return;
    }
    expect(await expectProblem(response, 422, 'invalid-chunk')).toContain(`${error}:`);
    expect(await BUCKET.head(`chunks/${id}`)).toBeNull();
  });

  it.each(names.filter((name) => /^[^/]*\.kvp$/.test(name)))('the groups of %s are found', async (name) => {
    const file = vector(name);
    const groups = await profileGroups(async (offset, length) => file.slice(offset, offset + length));
    expect(groups.length).toBeGreaterThan(0);
  });
});

describe('chunks of codec 2, without any profile', () => {
  it.each(ofCachegen)('%s is stored, served and cut by layers', async (name) => {
    const chunk = vector(name);
    const path = `/v1/chunks/${idOf(chunk)}`;
    const stored = await put(path, chunk);
    expect(stored.status).toBe(201);
    const { levels } = (await stored.json()) as { levels: { name: string; bytes: number; sha256: string }[] };
    expect(levels.map((level) => level.name)).toEqual(['draft', 'standard', 'high']);
    for (const level of levels) {
      const bytes = new Uint8Array(await (await edge(`${path}?level=${level.name}`)).arrayBuffer());
      expect(bytes.length).toBe(level.bytes);
      expect(await sha256Hex(bytes)).toBe(level.sha256);
    }
    const cut = new Uint8Array(await (await edge(`${path}?layers=1-1`)).arrayBuffer());
    const expected = `${name.slice(0, -'.kvl'.length)}.layers-1-1.kvl`;
    if (names.includes(expected)) expect(cut).toEqual(vector(expected));
    else expect(cut.length).toBeLessThanOrEqual(chunk.length);
  });

  it.each(invalidOfCachegen)('%s is refused', async (name) => {
    const chunk = vector(name);
    const isAnotherModel = name.includes('/wrong-profile--'); // which only who decodes can tell
    const stored = await put(`/v1/chunks/${idOf(chunk)}`, chunk);
    if (isAnotherModel) expect(stored.status).toBe(201);
    else await expectProblem(stored, 422, 'invalid-chunk');
  });
});
