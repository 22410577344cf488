import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diskProfileCache } from '../../src/client/index.ts';
import { Profiles } from '../../src/client/profiles.ts';
import type { Manifest } from '../../src/protocol/manifest.ts';
import { fakeCodec, fakeProfileFile } from '../origin/support/fake-codec.ts';
import { temporaryFolder } from '../origin/support/origin.ts';

const MODEL = 'a'.repeat(64);
const file = fakeProfileFile(MODEL);
const profileId = createHash('sha256').update(file).digest('hex');
const manifest = { profileId, model: { fingerprint: MODEL } } as Manifest;

let folder: ReturnType<typeof temporaryFolder>;
let requests = 0;
const access = {
  edge: 'http://edge.invalid',
  fetch: async () => {
    requests += 1;
    return new Response(file);
  },
};

beforeEach(() => {
  folder = temporaryFolder();
  requests = 0;
});
afterEach(() => folder.remove());

const load = () =>
  new Profiles(fakeCodec(), diskProfileCache(path.join(folder.folder, 'sub'))).load(access, manifest);

test('a profile is fetched once and then comes from the disk', async () => {
  expect((await load()).fetchedBytes).toBe(file.length);
  expect((await load()).fetchedBytes).toBe(0);
  expect(requests).toBe(1);
  expect(readdirSync(path.join(folder.folder, 'sub'))).toEqual([`${profileId}.kvp`]);
});

test('a damaged file in the cache is fetched anew', async () => {
  await load();
  writeFileSync(path.join(folder.folder, 'sub', `${profileId}.kvp`), 'damaged');
  await load();
  expect(requests).toBe(2);
});

test('a profile of another model is refused', async () => {
  const other = { profileId, model: { fingerprint: 'b'.repeat(64) } } as Manifest;
  await expect(new Profiles(fakeCodec(), null).load(access, other)).rejects.toMatchObject({
    code: 'integrity-failed',
  });
});
