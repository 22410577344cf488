import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EdgeClient } from '../../origin-gpu/src/edge-client.ts';
import { type LocalEdge, startLocalEdge } from '../../src/cli/local/edge.ts';
import { mintLocalToken } from '../../src/cli/local/secrets.ts';
import { followContext, publishContext, submitContext } from '../../src/client/index.ts';
import { temporaryFolder } from '../origin/support/origin.ts';

/** Bundling the Worker takes a while on a busy machine, and a test does it up to three times. */
const TIMEOUT_MS = 180_000;
const model = 'small';
const secrets = {
  tokenKeys: { k1: Buffer.alloc(32, 'k').toString('base64url') },
  tenantSecret: Buffer.alloc(32, 's').toString('base64url'),
  signingKey: 'unused by an edge',
};
const CONTEXT_ID = 'c'.repeat(64);
const tokenized = { type: 'tokenized', id: CONTEXT_ID, tokenCount: 3, chunksTotal: 1 } as const;

let folder: ReturnType<typeof temporaryFolder>;
let edge: LocalEdge;

const start = () =>
  startLocalEdge({ secrets, host: '127.0.0.1', port: 0, storage: folder.folder, leaseSeconds: 1 });

const access = async () => ({
  edge: edge.url,
  token: await mintLocalToken(secrets, { scopes: ['publish', 'read'], ttlSeconds: 600 }),
});

/** What an origin asks of the edge, without an engine behind it. */
const origin = () =>
  new EdgeClient({
    edgeUrl: edge.url,
    tenant: '',
    token: () => mintLocalToken(secrets, { scopes: ['publish', 'compute'], ttlSeconds: 600 }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });

beforeEach(async () => {
  folder = temporaryFolder();
  edge = await start();
}, TIMEOUT_MS);
afterEach(async () => {
  await edge.close();
  folder.remove();
});

describe('jobs in the real runtime, with its queue, its storage and its alarms', () => {
  test('survive a restart of the edge, queued or at work, and an origin that falls silent', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { id } = await submitContext(await access(), { model, text: 'Call me Ishmael.' });
    await edge.close();
    edge = await start();
    const first = (await origin().lease([model]))!;
    expect(first.jobId).toBe(id);
    await origin().report(id, first.leaseId, [tokenized]);
    await edge.close();
    edge = await start();

    const second = (await origin().lease([model]))!; // the alarm has rung
    expect(second.jobId).toBe(id);
    expect(second.request).toEqual(first.request);
    const lost = origin().report(id, first.leaseId, []);
    await expect(lost).rejects.toMatchObject({ code: 'lease-lost' });
    await origin().report(id, second.leaseId, [tokenized, { type: 'published', id: CONTEXT_ID }]);
    const types: string[] = [];
    expect(await followContext(await access(), id, ({ type }) => types.push(type))).toBe(CONTEXT_ID);
    expect(types).toEqual(['tokenized', 'tokenized', 'published']);
  });

  test('tell a publisher the id of its context as soon as it is known, or why there is none', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const publication = publishContext(await access(), { model, text: 'x' });
    const { jobId, leaseId } = (await origin().lease([model]))!;
    await origin().report(jobId, leaseId, [tokenized]);
    expect((await publication).id).toBe(CONTEXT_ID);

    const refused = publishContext(await access(), { model, text: 'too long' });
    const other = (await origin().lease([model]))!;
    const failed = { type: 'failed', code: 'context-too-large', detail: 'it is' } as const;
    await Promise.all([
      expect(refused).rejects.toMatchObject({ code: 'edge-refused', problemCode: 'context-too-large' }),
      origin().report(other.jobId, other.leaseId, [failed]),
    ]);
  });
});
