import { describe, expect, it } from 'vitest';
import { signUrl } from '../../src/protocol/signed-url.ts';
import { parseTokenKeys } from '../../src/protocol/token.ts';
import { edge, expectProblem, publishContext, SECRET, tokenFor } from './support/edge.ts';
import { makeContext, unusedId } from './support/objects.ts';
import { publishPrivate } from './support/tenants.ts';

const keys = parseTokenKeys(SECRET);
const OTHER_KEY = btoa('o'.repeat(32)).replaceAll('=', '');

/** Path and query of a signed URL. */
async function signed(path: string, more: Partial<Parameters<typeof signUrl>[0]> = {}): Promise<string> {
  const href = await signUrl({
    keys,
    tenant: 'ann',
    url: `https://edge.test${path}`,
    ttlSeconds: 60,
    ...more,
  });
  return href.slice('https://edge.test'.length);
}

describe('a signed URL', () => {
  it('reads one path for its tenant without a token, in any form', async () => {
    const context = await publishPrivate('ann');
    const path = await signed(`/v1/chunks/${context.ids[0]}`);
    for (const query of ['', '&level=draft', '&maxBytes=100000', '&layers=0-1']) {
      const response = await edge(path + query);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toMatch(/^private, /);
    }
    expect((await edge(path, { method: 'HEAD' })).status).toBe(200);
    expect((await edge(path, { headers: { range: 'bytes=0-9' } })).status).toBe(206);
    expect((await edge(await signed(`/v1/contexts/${context.id}/tokens?from=0&to=1`))).status).toBe(200);
    const bobs = await signed(`/v1/chunks/${context.ids[0]}`, { tenant: 'bob' });
    await expectProblem(await edge(bobs), 404, 'chunk-not-found');
  });

  it('reads public objects too, whose answers stay public', async () => {
    const context = await makeContext();
    await publishContext(context);
    const response = await edge(await signed(`/v1/contexts/${context.id}`));
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toMatch(/^public/);
  });

  it('lets nobody write', async () => {
    const response = await edge(await signed('/v1/contexts'), { method: 'POST' });
    await expectProblem(response, 403, 'forbidden');
  });

  it('is refused for another path, even of the same tenant', async () => {
    const context = await publishPrivate('ann');
    const query = (await signed(`/v1/chunks/${context.ids[0]}`)).split('?')[1];
    await expectProblem(await edge(`/v1/chunks/${context.ids[1]}?${query}`), 401, 'unauthorized');
  });

  const alter = (name: string, value: string) => (url: string) => {
    const [path, query] = url.split('?') as [string, string];
    const parameters = new URLSearchParams(query);
    parameters.set(name, value);
    return `${path}?${parameters}`;
  };
  it.each<[string, (url: string) => string]>([
    ['another tenant', alter('sig-tenant', 'bob')],
    ['a later expiry', alter('sig-expires', '99999999999')],
    ['an unknown key', alter('sig-key', 'k9')],
    ['another signature', alter('sig', 'A'.repeat(43))],
    ['a signature of another length', alter('sig', 'A'.repeat(42))],
    ['no signature', (url) => url.replace(/&sig=[^&]*/, '')],
    ['no expiry', (url) => url.replace(/sig-expires=\d+&/, '')],
    ['a tenant that is none', alter('sig-tenant', '../x')],
    ['two tenants', (url) => `${url}&sig-tenant=bob`],
  ])('is refused with %s', async (_name, change) => {
    const url = change(await signed(`/v1/chunks/${unusedId()}`));
    const response = await edge(url);
    expect(response.headers.get('www-authenticate')).toContain('invalid_token');
    await expectProblem(response, 401, 'unauthorized');
  });

  it('is refused once it has expired', async () => {
    const url = await signed(`/v1/chunks/${unusedId()}`, { ttlSeconds: -1 });
    expect(await expectProblem(await edge(url), 401, 'unauthorized')).toContain('expired');
  });

  it('is refused together with a token', async () => {
    const url = await signed(`/v1/chunks/${unusedId()}`);
    await expectProblem(await edge(url, { scope: 'read' }), 400, 'bad-request');
  });

  it('survives the rotation of keys until the old one is dropped', async () => {
    const context = await publishPrivate('ann');
    const path = `/v1/contexts/${context.id}`;
    const old = await signed(path);
    const both = JSON.stringify({ ...JSON.parse(SECRET), k2: OTHER_KEY });
    const fresh = await signed(path, { keys: parseTokenKeys(both) });
    expect(fresh).toContain('sig-key=k2');
    const status = async (url: string, secret: string) =>
      (await edge(url, { env: { KVEDGE_TOKEN_KEYS: secret } })).status;
    expect([await status(old, both), await status(fresh, both)]).toEqual([200, 200]);
    const after = JSON.stringify({ k2: OTHER_KEY });
    expect([await status(old, after), await status(fresh, after)]).toEqual([401, 200]);
  });
});

describe('a credential on a route that needs none', () => {
  it('is refused if it is not valid, before anything is looked up', async () => {
    const context = await makeContext();
    await publishContext(context);
    const path = `/v1/contexts/${context.id}`;
    const expired = `Bearer ${await tokenFor('read', -60)}`;
    for (const authorization of [expired, 'Bearer abc', 'Basic abc']) {
      await expectProblem(await edge(path, { headers: { authorization } }), 401, 'unauthorized');
    }
    expect(
      (await edge(path, { headers: { authorization: `Bearer ${await tokenFor('read')}` } })).status,
    ).toBe(200);
  });

  it('survives the rotation of keys at the Worker', async () => {
    const context = await publishPrivate('ann');
    const path = `/v1/contexts/${context.id}`;
    const authorization = `Bearer ${await tokenFor('read', 60, 'ann')}`;
    const status = async (secret: object) =>
      (await edge(path, { headers: { authorization }, env: { KVEDGE_TOKEN_KEYS: JSON.stringify(secret) } }))
        .status;
    expect(await status({ ...JSON.parse(SECRET), k2: OTHER_KEY })).toBe(200);
    expect(await status({ k2: OTHER_KEY })).toBe(401);
  });
});
