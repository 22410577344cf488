import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { localSecrets } from '../../src/cli/local/secrets.ts';
import {
  contextIdArgument,
  durationSeconds,
  edgeAccess,
  httpUrl,
  portNumber,
  positiveInt,
  publicKeys,
  trustedKeys,
} from '../../src/cli/options.ts';
import { temporaryFolder } from '../origin/support/origin.ts';

describe('durationSeconds', () => {
  test.each([
    ['90', 90],
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['30d', 2_592_000],
  ])('%s is %i', (text, seconds) => expect(durationSeconds(text)).toBe(seconds));
  test.each(['', '0', '-1', '1w', '1.5h', 'soon'])('%j is refused', (text) =>
    expect(() => durationSeconds(text)).toThrow(),
  );
});

test.each([
  [positiveInt, '64', ['0', '-1', '1.5', 'x', '']],
  [portNumber, '0', ['65536', '-1', 'http', '']],
  [httpUrl, 'http://127.0.0.1:8787', ['127.0.0.1:8787', 'ftp://x', '']],
  [contextIdArgument, 'a'.repeat(64), ['a'.repeat(63), 'A'.repeat(64), 'g'.repeat(64)]],
])('%o takes what it should and nothing else', (parse, good, bad) => {
  expect(() => parse(good)).not.toThrow();
  for (const text of bad) expect(() => parse(text)).toThrow(/expected/);
});

describe('public keys', () => {
  const [a, b] = ['A'.repeat(43), 'B'.repeat(43)];
  test('come as arguments, or all in one', () => {
    expect(publicKeys(a)).toEqual([a]);
    expect(publicKeys(b, [a])).toEqual([a, b]);
    expect(publicKeys(` ${a}  ${b} `)).toEqual([a, b]);
    expect(publicKeys('')).toBeUndefined();
  });
  test.each(['x', `${a}A`, `${a},${b}`])('%j is refused', (text) => expect(() => publicKeys(text)).toThrow());
});

describe('the secrets of this machine', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  beforeEach(async () => {
    folder = temporaryFolder();
    vi.stubEnv('KVEDGE_HOME', folder.folder);
    await localSecrets(folder.folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    folder.remove();
  });

  test.each(['http://127.0.0.1:8787', 'http://localhost:1', 'http://[::1]:1'])(
    'are used for %s',
    async (edge) => {
      expect((await edgeAccess({ edge }, ['read'])).token).toMatch(/^ey/);
      expect(await trustedKeys({ edge })).toHaveLength(1);
    },
  );

  test.each(['https://edge.example', 'http://127.0.0.1.example', 'http://192.168.0.2'])(
    'never go to %s',
    async (edge) => {
      expect(await edgeAccess({ edge }, ['read'])).toEqual({ edge });
      expect(await trustedKeys({ edge })).toBeUndefined();
    },
  );

  test('stand back behind what is given', async () => {
    const edge = 'http://127.0.0.1:8787';
    expect(await edgeAccess({ edge, token: 't' }, ['read'])).toEqual({ edge, token: 't' });
    expect(await trustedKeys({ edge, trust: ['k'] })).toEqual(['k']);
  });
});
