import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Hono } from 'hono';
import { createOriginApp } from '../../../origin-gpu/src/app.ts';
import { EdgeClient } from '../../../origin-gpu/src/edge-client.ts';
import { JobRunner } from '../../../origin-gpu/src/jobs/runner.ts';
import { JobStore } from '../../../origin-gpu/src/jobs/store.ts';
import { silentLog } from '../../../origin-gpu/src/log.ts';
import { ModelRegistry, type ServedModel } from '../../../origin-gpu/src/models.ts';
import { toHex } from '../../../src/protocol/ids.ts';
import { createSigner } from '../../../src/protocol/signature.ts';
import { fakeCodec, fakeProfileFile } from './fake-codec.ts';
import type { FakeEdge } from './fake-edge.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';

export const ORIGIN_TOKEN = 'origin-token-of-the-tests';
/** Signs with the key of RFC 8032, section 7.1, test 1. */
export const SIGNER = await createSigner(
  Buffer.from(
    `302e020100300506032b657004220420${'9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'}`,
    'hex',
  ).toString('base64'),
);

export interface TestOrigin {
  app: Hono;
  store: JobStore;
  runner: JobRunner;
  engine: FakeEngine;
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
  get(route: string, headers?: Record<string, string>): Promise<Response>;
  /** Resolves when a job is published or has failed. */
  settled(id: string): Promise<string>;
  close(): Promise<void>;
}

export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'kvedge-test-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** An origin in this process: real store, runner and routes around a fake engine and codec. The runner is not started. */
export function testOrigin(
  folder: string,
  edge: Pick<FakeEdge, 'url'>,
  options: { engine?: FakeEngine; profile?: boolean } = {},
): TestOrigin {
  const engine = options.engine ?? fakeEngine();
  const fingerprint = toHex(engine.model.fingerprint);
  const file = fakeProfileFile(fingerprint);
  const codec = fakeCodec().loadProfile(file);
  const model: ServedModel = {
    name: 'fake',
    fingerprint,
    engine,
    profile: options.profile === false ? null : { id: codec.info.profileId, file, codec },
  };
  const store = new JobStore(folder);
  const models = new ModelRegistry([model]);
  const edgeToken = () => 'edge-token';
  const runner = new JobRunner({
    store,
    models,
    edgeUrl: edge.url,
    edgeToken,
    codec: fakeCodec(),
    signer: SIGNER,
    log: silentLog,
    minRetryDelayMs: 10,
  });
  const { signal } = new AbortController();
  const probe = (tenant: string) => new EdgeClient({ edgeUrl: edge.url, token: edgeToken, tenant, signal });
  const app = createOriginApp({
    originToken: ORIGIN_TOKEN,
    store,
    models,
    log: silentLog,
    stillPublished: (id, tenant) => probe(tenant).hasContext(id),
  });
  const authorization = `Bearer ${ORIGIN_TOKEN}`;
  return {
    app,
    store,
    runner,
    engine,
    post: async (body, headers = {}) =>
      app.request('/v1/jobs', {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    get: async (route, headers = {}) => app.request(route, { headers: { authorization, ...headers } }),
    async settled(id) {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const off = store.onChange(id, resolve);
        const state = store.find(id)?.state;
        if (state === 'published' || state === 'failed') {
          off();
          return state;
        }
        await promise;
        off();
      }
    },
    async close() {
      await runner.stop();
      store.close();
    },
  };
}
