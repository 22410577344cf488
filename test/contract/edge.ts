import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LocalEdge, startLocalEdge } from '../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken } from '../../src/cli/local/secrets.ts';
import { makeContext } from '../edge/support/objects.ts';

export type TestEdge = LocalEdge & { token: string };
export type StoredContext = Awaited<ReturnType<typeof makeContext>>;

/** The real Worker in workerd with storage in memory, and a token that may publish. */
export async function startTestEdge(): Promise<TestEdge> {
  const home = await mkdtemp(path.join(tmpdir(), 'kvedge-test-'));
  const secrets = await localSecrets(home).finally(() => rm(home, { recursive: true }));
  const edge = await startLocalEdge({
    secrets,
    host: '127.0.0.1',
    port: 0,
    storage: null,
    onLog: () => {},
  });
  const token = await mintLocalToken(secrets, {
    scopes: ['publish', 'read', 'compute', 'admin'],
    ttlSeconds: 3600,
  });
  return { ...edge, token };
}

/** Publishes a small context over HTTP. */
export async function publishSample({ url, token }: TestEdge): Promise<StoredContext> {
  const context = await makeContext();
  const put = async (path: string, body: BodyInit, type: string) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type };
    const response = await fetch(url + path, { method: 'PUT', headers, body });
    if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${await response.text()}`);
    await response.body?.cancel();
  };
  await put(`/v1/profiles/${context.profileId}`, context.profile, 'application/vnd.kvedge.profile');
  for (const [i, object] of context.objects.entries()) {
    await put(`/v1/chunks/${context.ids[i]}`, object, 'application/vnd.kvedge.chunk');
  }
  const body = JSON.stringify({ manifest: context.manifest, chunks: context.chunks });
  await put(`/v1/contexts/${context.id}`, body, 'application/json');
  return context;
}
