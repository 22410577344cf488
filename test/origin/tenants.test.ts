import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { contextChunks, Profiles } from '../../src/client/index.ts';
import { isManifestSigned } from '../../src/protocol/signature.ts';
import { fakeCodec } from './support/fake-codec.ts';
import { type FakeEdge, queueJob, startFakeEdge } from './support/fake-edge.ts';
import { SIGNER, type TestOrigin, testOrigin } from './support/origin.ts';

const TEXT = 'It was a dark and stormy night. '.repeat(20); // 640 tokens: three chunks
const ANN = { name: 'ann', salt: 'a'.repeat(64) };
const BOB = { name: 'bob', salt: 'b'.repeat(64) };

let edge: FakeEdge;
let origin: TestOrigin;
/** Tenant named by each request to the edge. */
let named: (string | undefined)[];

beforeEach(async () => {
  edge = await startFakeEdge();
  origin = testOrigin(edge);
  named = [];
  edge.intercept = (request) => {
    named.push(request.headers['kvedge-tenant'] as string | undefined);
    return false;
  };
});

afterEach(async () => {
  await origin.close();
  await edge.close();
});

async function publish(tenant?: typeof ANN): Promise<string> {
  const owner = tenant === undefined ? {} : { tenant };
  const settled = await origin.settled(queueJob(edge, { model: 'fake', text: TEXT, ...owner }));
  if (settled.type === 'failed') throw new Error(settled.code);
  return settled.id;
}

describe('a private job', () => {
  test('has ids of its tenant alone, and is published in its name', async () => {
    origin.runner.start();
    const ids = [await publish(ANN), await publish(BOB), await publish()];
    expect(new Set(ids).size).toBe(3);
    expect(edge.chunks.size).toBe(9);
    expect(new Set(named)).toEqual(new Set(['ann', 'bob', undefined])); // leases are asked for in nobody's name
    expect(edge.manifests.get(ids[0]!)).toMatchObject({ visibility: 'private', tenantSalt: ANN.salt });
    expect(edge.manifests.get(ids[2]!)).toMatchObject({ visibility: 'public' });
    expect(edge.manifests.get(ids[2]!)).not.toHaveProperty('tenantSalt');
  });

  test('is found again for its tenant by another origin', async () => {
    origin.runner.start();
    const id = await publish(ANN);
    await origin.close();
    origin = testOrigin(edge);
    origin.runner.start();
    expect(await publish(ANN)).toBe(id);
    expect(origin.engine.prefills).toBe(0);
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
    origin = testOrigin(edge);
    origin.runner.start();
    edge.manifests.clear();
    expect(await publish()).toBe(first);
    expect(await isManifestSigned(edge.manifests.get(first)!)).toBe(true);
  });

  test('a chunk that nobody it trusts has signed fails the job: an edge may have made it up', async () => {
    origin.runner.start();
    await publish();
    await origin.close();
    for (const chunk of edge.chunks.keys()) edge.signatures.delete(chunk);
    edge.manifests.clear();
    origin = testOrigin(edge);
    origin.runner.start();
    await expect(publish()).rejects.toThrow('conflict');
    expect(edge.manifests.size).toBe(0);
  });
});
