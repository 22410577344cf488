import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contextChunks, Profiles } from '../../src/client/index.ts';
import { isManifestSigned } from '../../src/protocol/signature.ts';
import { fakeCodec } from './support/fake-codec.ts';
import { type FakeEdge, startFakeEdge } from './support/fake-edge.ts';
import { SIGNER, type TestOrigin, temporaryFolder, testOrigin } from './support/origin.ts';

const TEXT = 'It was a dark and stormy night. '.repeat(20); // 640 tokens: three chunks
const ANN = { name: 'ann', salt: 'a'.repeat(64) };
const BOB = { name: 'bob', salt: 'b'.repeat(64) };

let edge: FakeEdge;
let origin: TestOrigin;
let folder: ReturnType<typeof temporaryFolder>;
/** Tenant named by each request to the edge. */
let named: (string | undefined)[];

beforeEach(async () => {
  folder = temporaryFolder();
  edge = await startFakeEdge();
  origin = testOrigin(folder.folder, edge);
  named = [];
  edge.intercept = (request) => {
    named.push(request.headers['kvedge-tenant'] as string | undefined);
    return false;
  };
});

afterEach(async () => {
  await origin.close();
  await edge.close();
  folder.remove();
});

async function publish(tenant?: typeof ANN): Promise<string> {
  const owner = tenant === undefined ? {} : { visibility: 'private', tenant };
  const { id } = await (await origin.post({ model: 'fake', text: TEXT, ...owner })).json();
  expect(await origin.settled(id)).toBe('published');
  return id;
}

describe('a private job', () => {
  test('has ids of its tenant alone, and is published in its name', async () => {
    origin.runner.start();
    const ids = [await publish(ANN), await publish(BOB), await publish()];
    expect(new Set(ids).size).toBe(3);
    expect(edge.chunks.size).toBe(9);
    expect(new Set(named)).toEqual(new Set(['ann', 'bob', undefined]));
    expect(edge.manifests.get(ids[0]!)).toMatchObject({ visibility: 'private', tenantSalt: ANN.salt });
    expect(edge.manifests.get(ids[2]!)).toMatchObject({ visibility: 'public' });
    expect(edge.manifests.get(ids[2]!)).not.toHaveProperty('tenantSalt');
  });

  test('is found again for its tenant, after a restart too', async () => {
    origin.runner.start();
    const id = await publish(ANN);
    await origin.close();
    origin = testOrigin(folder.folder, edge);
    expect(await publish(ANN)).toBe(id);
    expect(named.at(-1)).toBe('ann');
    expect(origin.engine.prefills).toBe(0);
  });

  test('is unknown to all others', async () => {
    const { id } = await (
      await origin.post({ model: 'fake', text: TEXT, visibility: 'private', tenant: ANN })
    ).json();
    const statuses = async (headers: Record<string, string>) =>
      Promise.all(
        ['', '/events'].map(async (path) => (await origin.get(`/v1/jobs/${id}${path}`, headers)).status),
      );
    expect((await origin.get(`/v1/jobs/${id}`, { 'kvedge-tenant': 'ann' })).status).toBe(202);
    expect(await statuses({ 'kvedge-tenant': 'bob' })).toEqual([404, 404]);
    expect(await statuses({})).toEqual([404, 404]);
  });

  test('has a tenant exactly if it is private', async () => {
    for (const wrong of [
      { visibility: 'private' },
      { tenant: ANN },
      { visibility: 'private', tenant: { name: '..', salt: ANN.salt } },
    ]) {
      expect((await origin.post({ model: 'fake', text: TEXT, ...wrong })).status).toBe(422);
    }
  });

  test('gives a context whose tokens a client can prove', async () => {
    origin.runner.start();
    const id = await publish(ANN);
    const profiles = new Profiles(fakeCodec(), null);
    let tokens = 0;
    for await (const chunk of contextChunks({ edge: edge.url, id, profiles })) tokens += chunk.tokens.length;
    expect(tokens).toBe(TEXT.length);
    edge.manifests.get(id)!.tenantSalt = BOB.salt;
    await expect(contextChunks({ edge: edge.url, id, profiles }).next()).rejects.toMatchObject({
      code: 'integrity-failed',
    });
    profiles.close();
  });
});

describe('signing', () => {
  test('every manifest is signed with the key of the origin', async () => {
    origin.runner.start();
    const manifest = edge.manifests.get(await publish())!;
    expect(manifest.signature?.publicKey).toBe(SIGNER.publicKey);
    expect(await isManifestSigned(manifest)).toBe(true);
  });

  test('a chunk that another origin encoded and signed with the same key is used', async () => {
    origin.runner.start();
    const first = await publish();
    await origin.close();
    const second = temporaryFolder();
    origin = testOrigin(second.folder, edge);
    origin.runner.start();
    edge.manifests.clear();
    expect(await publish()).toBe(first);
    expect(await isManifestSigned(edge.manifests.get(first)!)).toBe(true);
    second.remove();
  });

  test('a chunk that nobody it trusts has signed fails the job: an edge may have made it up', async () => {
    origin.runner.start();
    const id = await publish();
    await origin.close();
    for (const chunk of edge.chunks.keys()) edge.signatures.delete(chunk);
    edge.manifests.clear();
    const second = temporaryFolder();
    origin = testOrigin(second.folder, edge);
    origin.runner.start();
    await origin.post({ model: 'fake', text: TEXT });
    expect(await origin.settled(id)).toBe('failed');
    expect(origin.store.find(id)?.error?.code).toBe('conflict');
    expect(edge.manifests.size).toBe(0);
    second.remove();
  });
});
