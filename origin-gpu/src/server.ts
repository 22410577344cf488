import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Codec } from '../../src/codec/codec.ts';
import type { OriginConfig } from './config.ts';
import { createHealthApp } from './health.ts';
import { JobRunner } from './jobs/runner.ts';
import { jsonLog, type Log } from './log.ts';
import { ModelRegistry } from './models.ts';

export interface RunningOrigin {
  /** Base URL of `/healthz`, with the port that was taken. */
  url: string;
  models: string[];
  close(): Promise<void>;
}

/** Loads the models, listens for health checks and takes work from the edge. */
export async function startOrigin(
  config: OriginConfig,
  codec: Codec,
  log: Log = jsonLog,
): Promise<RunningOrigin> {
  const models = await ModelRegistry.open(config, codec, log);
  const { edgeUrl, edgeToken, signer } = config;
  const runner = new JobRunner({ models, edgeUrl, edgeToken, codec, signer, log });
  const server = createAdaptorServer({ fetch: createHealthApp(models.names).fetch });
  const close = async () => {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
    await runner.stop();
    await models.close();
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
  log.info('origin takes work', { edge: edgeUrl, health: `${url}/healthz`, backend: codec.backend });
  return { url, models: models.names, close };
}
