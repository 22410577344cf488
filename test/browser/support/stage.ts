import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createOriginApp } from '../../../origin-gpu/src/app.ts';
import { JobStore } from '../../../origin-gpu/src/jobs/store.ts';
import { silentLog } from '../../../origin-gpu/src/log.ts';
import { ModelRegistry } from '../../../origin-gpu/src/models.ts';
import { startLocalEdge } from '../../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken } from '../../../src/cli/local/secrets.ts';
import { PUBLIC } from '../../../src/protocol/tenant.ts';
import type { makeContext } from '../../edge/support/objects.ts';
import { temporaryFolder } from '../../origin/support/origin.ts';

export type Context = Awaited<ReturnType<typeof makeContext>>;

/** The real Worker in the real runtime, and an origin whose jobs the test moves on by hand. */
export interface Stage {
  url: string;
  jobs: JobStore;
  adminToken: string;
  publish(context: Context): Promise<void>;
  close(): Promise<void>;
}

export async function startStage(): Promise<Stage> {
  const { folder, remove } = temporaryFolder();
  const secrets = await localSecrets(folder);
  const jobs = new JobStore(folder);
  const app = createOriginApp({
    originToken: secrets.originToken,
    store: jobs,
    models: new ModelRegistry([]),
    log: silentLog,
    stillPublished: async () => true,
  });
  const origin = createAdaptorServer({ fetch: app.fetch }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const edge = await startLocalEdge({
    secrets,
    originUrl: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    host: '127.0.0.1',
    port: 0,
    storage: null,
    onLog: () => {},
  });
  const token = await mintLocalToken(secrets, { scopes: ['compute'], ttlSeconds: 3600 });
  const put = async (path: string, body: BodyInit, contentType = 'application/octet-stream') => {
    const response = await fetch(`${edge.url}${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
      body,
    });
    if (!response.ok) throw new Error(`PUT ${path}: ${await response.text()}`);
  };
  return {
    url: edge.url,
    jobs,
    adminToken: await mintLocalToken(secrets, { scopes: ['admin'], ttlSeconds: 3600 }),
    async publish({ id, manifest, chunks, profile, profileId, objects, ids }) {
      await put(`/v1/profiles/${profileId}`, profile);
      for (const [i, object] of objects.entries()) await put(`/v1/chunks/${ids[i]}`, object);
      await put(`/v1/contexts/${id}`, JSON.stringify({ manifest, chunks }), 'application/json');
    },
    async close() {
      await edge.close();
      if ('closeAllConnections' in origin) origin.closeAllConnections();
      origin.close();
      jobs.close();
      remove();
    },
  };
}

/** Writes a context down as a job of the origin, as if a client had published it. */
export function queueJob(stage: Stage, { id, manifest, chunks, profileId, ids }: Context): void {
  stage.jobs.enqueue({
    id,
    model: manifest.model.name,
    modelFingerprint: manifest.model.fingerprint,
    profileId,
    tokens: Uint32Array.from(chunks.flatMap(({ tokens }) => tokens)),
    chunkIds: ids,
    ttlSeconds: null,
    tenant: PUBLIC,
    tenantSalt: null,
  });
}
