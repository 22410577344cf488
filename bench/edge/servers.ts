import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { startLocalEdge } from '../../src/cli/local/edge.ts';
import { localSecrets, mintLocalToken, type Secrets } from '../../src/cli/local/secrets.ts';
import { childrenOf } from './process-cpu.ts';

export interface Server {
  url: string;
  /** The process that serves. */
  pid: number;
  close(): Promise<void>;
}

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
/** One of `workers/` in a runtime of its own, started like the Worker under test. */
export async function startBaseline(name: 'bare' | 'hono' | 'cold'): Promise<Server> {
  const modules = moduleGraph(path.join(PROJECT, 'bench/edge/workers', `${name}.js`));
  return withPid(async () => {
    const miniflare = new Miniflare(
      convertV4MiniflareOptions({
        host: '127.0.0.1',
        port: 0,
        logRequests: false,
        workers: [
          {
            name,
            compatibilityDate: '2026-10-01',
            r2Buckets: ['BLOBS'],
            modulesRoot: PROJECT,
            modules: modules.map((file) => ({ type: 'ESModule' as const, path: file })),
          },
        ],
      }),
    );
    return { url: (await miniflare.ready).origin, close: () => miniflare.dispose() };
  });
}

/** The Worker under test, bundled as for a deployment, with storage in memory; and a token that may publish. */
export async function startEdge(): Promise<Server & { token: string }> {
  const secrets = await newSecrets();
  const edge = await withPid(() =>
    startLocalEdge({
      secrets,
      host: '127.0.0.1',
      port: 0,
      storage: null,
      logRequests: 'problems',
    }),
  );
  return { ...edge, token: await mintLocalToken(secrets, { scopes: ['compute'], ttlSeconds: 3600 }) };
}

/** Adds the process that a start brought up: workerd, a child of this process. Starts must not overlap. */
async function withPid<S extends object>(start: () => Promise<S>): Promise<S & { pid: number }> {
  const before = new Set(childrenOf(process.pid));
  const server = await start();
  const pid = childrenOf(process.pid).find((child) => !before.has(child));
  if (pid === undefined) throw new Error('the server has no process of its own');
  return { ...server, pid };
}

/** Secrets that are kept nowhere. */
async function newSecrets(): Promise<Secrets> {
  const home = await mkdtemp(path.join(tmpdir(), 'kvedge-bench-'));
  try {
    return await localSecrets(home);
  } finally {
    await rm(home, { recursive: true });
  }
}

/** A module and all that it imports by relative path, the module itself first. */
function moduleGraph(entry: string): string[] {
  const files = new Set([entry]);
  for (const file of files) {
    for (const [, imported] of readFileSync(file, 'utf8').matchAll(
      /\b(?:from|import)\s*["'](\.[^"']+)["']/g,
    )) {
      files.add(path.resolve(path.dirname(file), imported!));
    }
  }
  return [...files];
}
