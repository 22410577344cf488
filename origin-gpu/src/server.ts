import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import type { Codec } from '../../src/codec/codec.ts';
import { createOriginApp } from './app.ts';
import type { OriginConfig } from './config.ts';
import { EdgeClient } from './edge-client.ts';
import { JobRunner } from './jobs/runner.ts';
import { JobStore } from './jobs/store.ts';
import { jsonLog, type Log } from './log.ts';
import { ModelRegistry } from './models.ts';

export interface RunningOrigin {
  /** Base URL, with the port that was taken. */
  url: string;
  models: string[];
  close(): Promise<void>;
}

/** How long a publish request waits for the edge to say whether it still has a context. */
const STILL_PUBLISHED_MS = 3000;

/** Opens the state, loads the models, goes on with unfinished jobs and listens. */
export async function startOrigin(
  config: OriginConfig,
  codec: Codec,
  log: Log = jsonLog,
): Promise<RunningOrigin> {
  const store = new JobStore(path.join(config.home, 'origin'));
  let models: ModelRegistry;
  try {
    models = await ModelRegistry.open(config, codec, log);
  } catch (error) {
    store.close();
    throw error;
  }
  const { edgeUrl, edgeToken, originToken } = config;
  const app = createOriginApp({
    originToken,
    store,
    models,
    log,
    stillPublished: (id, tenant) => stillPublished(config, id, tenant),
  });
  const runner = new JobRunner({ store, models, edgeUrl, edgeToken, codec, signer: config.signer, log });
  const server = createAdaptorServer({ fetch: app.fetch });
  const close = async () => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    await runner.stop();
    await models.close();
    store.close();
  };
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    await close();
    throw error;
  }
  runner.start();
  const { port } = server.address() as AddressInfo;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  log.info('origin listens', { url, backend: codec.backend });
  return { url, models: models.names, close };
}

/** Assumes yes when the edge does not answer: publishing again can wait until it does. */
async function stillPublished(
  { edgeUrl, edgeToken }: OriginConfig,
  id: string,
  tenant: string,
): Promise<boolean> {
  const signal = AbortSignal.timeout(STILL_PUBLISHED_MS);
  try {
    return await new EdgeClient({ edgeUrl, token: edgeToken, tenant, signal }).hasContext(id);
  } catch {
    return true;
  }
}
