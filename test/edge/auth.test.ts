import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { mintToken, parseTokenKeys, SCOPES, TokenError, verifyToken } from '../../src/protocol/token.ts';
import { edge, expectProblem, SECRET, tokenFor } from './support/edge.ts';
import { unusedId } from './support/objects.ts';

const WRITES = [
  ['POST', '/v1/contexts', 'publish'],
  ['PUT', `/v1/contexts/${unusedId()}`, 'compute'],
  ['PUT', `/v1/chunks/${unusedId()}`, 'compute'],
  ['PUT', `/v1/profiles/${unusedId()}`, 'compute'],
] as const;
const key = new TextEncoder().encode('k'.repeat(32));
const tenant = { tenant: 't', scope: 'publish' };
const later = () => Math.floor(Date.now() / 1000) + 60;

describe('authorization', () => {
  it.each(WRITES)('%s %s needs a token', async (method, path) => {
    const response = await edge(path, { method });
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="kvedge"');
    await expectProblem(response, 401, 'unauthorized');
  });

  it.each(WRITES)('%s %s needs the scope %s', async (method, path, needed) => {
    for (const scope of SCOPES.filter((other) => other !== needed)) {
      const response = await edge(path, { method, scope });
      expect(response.headers.get('www-authenticate')).toContain(`scope="${needed}"`);
      await expectProblem(response, 403, 'forbidden');
    }
  });

  it.each<[string, () => Promise<string> | string]>([
    ['has expired', () => tokenFor('publish', -60)],
    ['has no expiry', () => new SignJWT(tenant).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(key)],
    [
      'has no key id',
      () => new SignJWT(tenant).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(later()).sign(key),
    ],
    [
      'names an unknown key',
      () =>
        new SignJWT(tenant)
          .setProtectedHeader({ alg: 'HS256', kid: 'k2' })
          .setExpirationTime(later())
          .sign(key),
    ],
    [
      'is signed with another key',
      () =>
        new SignJWT(tenant)
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .setExpirationTime(later())
          .sign(new Uint8Array(32)),
    ],
    [
      'uses another algorithm',
      () =>
        new SignJWT(tenant)
          .setProtectedHeader({ alg: 'HS512', kid: 'k1' })
          .setExpirationTime(later())
          .sign(new Uint8Array([...key, ...key])),
    ],
    [
      'is not signed at all',
      () => {
        const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '');
        return `${part({ alg: 'none', kid: 'k1' })}.${part({ ...tenant, exp: later() })}.`;
      },
    ],
    [
      'has no tenant',
      () =>
        new SignJWT({ scope: 'publish' })
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .setExpirationTime(later())
          .sign(key),
    ],
    ['was altered', async () => (await tokenFor('publish')).replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A'))],
    ['is no token', () => 'abc'],
  ])('refuses a token that %s', async (_name, token) => {
    const response = await edge('/v1/contexts', {
      method: 'POST',
      headers: { authorization: `Bearer ${await token()}` },
    });
    expect(response.headers.get('www-authenticate')).toContain('invalid_token');
    await expectProblem(response, 401, 'unauthorized');
  });

  it.each(['Basic abc', 'Bearer', 'Bearer a b', ''])('refuses authorization "%s"', async (authorization) => {
    const response = await edge('/v1/contexts', { method: 'POST', headers: { authorization } });
    await expectProblem(response, 401, 'unauthorized');
  });

  it('lets nobody in when the keys are not configured, or unusable', async () => {
    const env = { KVEDGE_TOKEN_KEYS: undefined as unknown as string };
    const response = await edge('/v1/contexts', { method: 'POST', scope: 'publish', env });
    expect(await expectProblem(response, 500, 'internal')).toContain('KVEDGE_TOKEN_KEYS');
    const short = await edge('/v1/contexts', {
      method: 'POST',
      scope: 'publish',
      env: { KVEDGE_TOKEN_KEYS: '{"k1":"c2hvcnQ"}' },
    });
    await expectProblem(short, 500, 'internal');
  });
});

describe('tokens', () => {
  const other = btoa('o'.repeat(32)).replaceAll('=', '');

  it('survive the rotation of keys until the old one is dropped', async () => {
    const old = await mintToken({
      keys: parseTokenKeys(SECRET),
      tenant: 't',
      scopes: ['read', 'publish'],
      ttlSeconds: 60,
    });
    const rotated = parseTokenKeys(JSON.stringify({ ...JSON.parse(SECRET), k2: other }));
    expect((await verifyToken(old, rotated)).scopes).toEqual(['read', 'publish']);
    const fresh = await mintToken({ keys: rotated, tenant: 't', scopes: ['admin'], ttlSeconds: 60 });
    const after = parseTokenKeys(JSON.stringify({ k2: other }));
    expect(await verifyToken(fresh, after)).toMatchObject({ tenant: 't', scopes: ['admin'] });
    await expect(verifyToken(old, after)).rejects.toThrow(TokenError);
  });

  it('never carry a key or a token in an error', async () => {
    const token = await tokenFor('read', -60);
    await expect(verifyToken(token, parseTokenKeys(SECRET))).rejects.toThrow(/^the token has expired$/);
    expect(() => parseTokenKeys('{"k1":"c2hvcnQ"}')).toThrow(/"k1" has 5 bytes, expected 32 or more$/);
    expect(() => parseTokenKeys('secret, not JSON')).toThrow(/expected JSON/);
    expect(() => parseTokenKeys('{}')).toThrow(/no key/);
  });
});
