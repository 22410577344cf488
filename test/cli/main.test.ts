import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSecrets } from '../../src/cli/local/secrets.ts';
import { createSigner } from '../../src/protocol/signature.ts';
import { verifySignedUrl } from '../../src/protocol/signed-url.ts';
import { parseTokenKeys } from '../../src/protocol/token.ts';
import { temporaryFolder } from '../origin/support/origin.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

async function kvedge(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, KVEDGE_HOME: folder.folder, NO_COLOR: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('--help goes to standard output and names every noun', async () => {
  const { code, stdout } = await kvedge('--help');
  expect(code).toBe(0);
  for (const noun of ['model', 'context', 'chunk', 'profile', 'token', 'origin', 'edge', 'doctor']) {
    expect(stdout).toMatch(new RegExp(`^  ${noun}\\b`, 'm'));
  }
});

describe('errors', () => {
  test.each([
    [['nonsense'], 2],
    [['context', 'show', 'xyz'], 2],
    [['context', 'publish'], 2],
    [['token', 'create', '--scope', 'root'], 2],
    [['context', 'publish', '--file', '/does/not/exist'], 3],
    [['profile', 'show', '/does/not/exist'], 3],
    [['chunk', 'inspect', '/does/not/exist'], 3],
    [['context', 'load', 'a'.repeat(64)], 7],
    [['context', 'publish', '--file', '/'], 3],
    [['profile', 'show', '/'], 3],
    [['chunk', 'inspect', '/'], 3],
  ])('%j exits with %i and says why on standard error', async (args, expected) => {
    const { code, stdout, stderr } = await kvedge(...args);
    expect(code).toBe(expected);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
  });

  test('a file that is no chunk, no profile: 6', async () => {
    const file = path.join(folder.folder, 'x');
    writeFileSync(file, 'x'.repeat(200));
    expect((await kvedge('chunk', 'inspect', file)).code).toBe(6);
    expect((await kvedge('profile', 'show', file)).code).toBe(6);
  });

  test('with --json are JSON with code, message and remedy', async () => {
    const { stderr } = await kvedge('--json', 'context', 'publish', '--file', '/does/not/exist');
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'file-unreadable', remedy: expect.any(String) });
  });
});

test('a service whose port is taken says so, before it loads anything', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = String((server.address() as AddressInfo).port);
  for (const command of [
    ['edge', 'dev'],
    ['origin', 'serve'],
  ]) {
    const { code, stderr } = await kvedge(...command, '--port', port);
    expect(code).toBe(4);
    expect(stderr).toContain(`127.0.0.1:${port} already`);
    expect(stderr).not.toContain('    at ');
  }
  server.close();
});

test('token sign-url prints a URL that the keys verify', async () => {
  const url = `http://edge.test/v1/chunks/${'a'.repeat(64)}?level=draft`;
  const { stdout } = await kvedge('token', 'sign-url', url, '--tenant', 'ann', '--ttl', '15m');
  const { tokenKeys } = (await readSecrets(folder.folder))!;
  const signed = new URL(stdout.trim());
  expect(signed.searchParams.get('level')).toBe('draft');
  expect(await verifySignedUrl(signed, parseTokenKeys(JSON.stringify(tokenKeys)))).toBe('ann');
  expect((await kvedge('token', 'sign-url', url, '--tenant', '../ann')).code).toBe(2);
  expect((await kvedge('token', 'sign-url', 'no-url')).code).toBe(2);
});

test('origin key prints the public key of this machine', async () => {
  const { stdout } = await kvedge('origin', 'key');
  const { signingKey } = (await readSecrets(folder.folder))!;
  expect(stdout).toBe(`${(await createSigner(signingKey)).publicKey}\n`);
});

test('token create prints a token and nothing else', async () => {
  const { stdout } = await kvedge('token', 'create', '--scope', 'publish', 'read', '--ttl', '15m');
  expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  const json = await kvedge('token', 'create', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ scopes: ['read'], tenant: 'local' });
});
