import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localSecrets, mintLocalToken, readSecrets, secretsPath } from '../../src/cli/local/secrets.ts';
import { createSigner } from '../../src/protocol/signature.ts';
import { parseTokenKeys, verifyToken } from '../../src/protocol/token.ts';
import { temporaryFolder } from '../origin/support/origin.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

test('secrets are made once, and only their owner can read them', async () => {
  expect(await readSecrets(folder.folder)).toBeNull();
  const made = await localSecrets(folder.folder);
  expect(await localSecrets(folder.folder)).toEqual(made);
  expect(statSync(secretsPath(folder.folder)).mode & 0o777).toBe(0o600);
});

test('secrets of an earlier version are completed, and nothing in them changes', async () => {
  const { tokenKeys } = await localSecrets(folder.folder);
  const earlier = JSON.stringify({ tokenKeys, originToken: 'no longer used' });
  writeFileSync(secretsPath(folder.folder), earlier, { mode: 0o600 });
  const completed = await readSecrets(folder.folder);
  expect(completed).toMatchObject({ tokenKeys });
  expect((await createSigner(completed!.signingKey)).publicKey).toMatch(/^[\w-]{43}$/);
  expect(await localSecrets(folder.folder)).toEqual(completed);
  expect(statSync(secretsPath(folder.folder)).mode & 0o777).toBe(0o600);
});

test('secrets that others can read are refused', async () => {
  await localSecrets(folder.folder);
  chmodSync(secretsPath(folder.folder), 0o644);
  await expect(localSecrets(folder.folder)).rejects.toMatchObject({ code: 'secrets-exposed' });
});

test.each(['', '{', '{"tokenKeys":{}}'])('a damaged file (%j) is refused', async (text) => {
  writeFileSync(secretsPath(folder.folder), text, { mode: 0o600 });
  await expect(localSecrets(folder.folder)).rejects.toMatchObject({ code: 'secrets-invalid' });
});

test('a token made with them is one the edge accepts', async () => {
  const secrets = await localSecrets(folder.folder);
  const token = await mintLocalToken(secrets, { scopes: ['publish', 'read'], ttlSeconds: 60 });
  const claims = await verifyToken(token, parseTokenKeys(JSON.stringify(secrets.tokenKeys)));
  expect(claims).toMatchObject({ tenant: 'local', scopes: ['publish', 'read'] });
});
