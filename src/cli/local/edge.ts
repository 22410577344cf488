import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Json, Miniflare } from 'miniflare';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';
import { migrate } from './registry.ts';
import type { Secrets } from './secrets.ts';

export interface LocalEdgeOptions {
  secrets: Secrets;
  /** How long an origin may be silent before another takes its job; default as in wrangler.toml. */
  leaseSeconds?: number;
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** Folder for what R2, the cache and Durable Objects store; null keeps it in memory. */
  storage: string | null;
  /** Which requests the Worker logs; default as in wrangler.toml. */
  logRequests?: 'all' | 'problems';
  /** Takes the lines of the Worker's log; default: standard error. */
  onLog?: (line: string) => void;
}

export interface LocalEdge {
  url: string;
  close(): Promise<void>;
}

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const MIGRATIONS = path.join(PROJECT, 'src/edge/registry/migrations');
/** As the cron trigger of wrangler.toml; the local runtime fires none by itself. */
const CRON_INTERVAL_MS = 5 * 60_000;
const WRANGLER = 'node_modules/wrangler/bin/wrangler.js';
const OFFLINE = {
  CI: '1',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/**
 * Runs the real Worker in the real runtime (workerd) on this machine: bundled by wrangler exactly as for a deployment, with
 * the bindings of wrangler.toml, R2 and D1 on disk, the schema of the latter brought up to date.
 */
export async function startLocalEdge(options: LocalEdgeOptions): Promise<LocalEdge> {
  const bundle = await mkdtemp(path.join(tmpdir(), 'kvedge-worker-'));
  try {
    await bundleWorker(bundle);
    return await startBundle(bundle, options);
  } finally {
    await rm(bundle, { recursive: true, force: true }); // the runtime has read it
  }
}

async function startBundle(bundle: string, options: LocalEdgeOptions): Promise<LocalEdge> {
  Object.assign(process.env, OFFLINE);
  const { Miniflare, convertV4MiniflareOptions } = await loaded(() => import('miniflare'));
  const { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } = await loaded(
    () => import('wrangler'),
  );
  const { modulesRules: _, ...worker } = unstable_getMiniflareWorkerOptions(
    path.join(PROJECT, 'wrangler.toml'),
  ).workerOptions;
  const { storage, secrets, host, port, onLog = (line) => process.stderr.write(`${line}\n`) } = options;
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host,
      port,
      logRequests: false,
      handleStructuredLogs: ({ message }) => onLog(message),
      ...(storage !== null && { resourcePersistencePath: storage }),
      workers: [
        {
          ...worker,
          name: 'kvedge',
          rootPath: bundle,
          modulesRoot: bundle,
          modules: await bundleModules(bundle),
          bindings: {
            ...(worker.bindings as Record<string, Json>),
            ...(options.leaseSeconds !== undefined && { LEASE_SECONDS: String(options.leaseSeconds) }),
            ...(options.logRequests !== undefined && { LOG_REQUESTS: options.logRequests }),
            KVEDGE_TOKEN_KEYS: JSON.stringify(secrets.tokenKeys),
            KVEDGE_TENANT_SECRET: secrets.tenantSecret,
          },
        },
      ],
    }),
  );
  try {
    const url = (await miniflare.ready).origin;
    await migrate(await miniflare.getD1Database('REGISTRY'), MIGRATIONS, unstable_splitSqlQuery);
    const timer = setInterval(() => void runCron(miniflare), CRON_INTERVAL_MS);
    return {
      url,
      close: () => {
        clearInterval(timer);
        return miniflare.dispose();
      },
    };
  } catch (error) {
    await miniflare.dispose().catch(() => {});
    throw error;
  }
}

/** One cron event. A run that fails is logged by the Worker, and the next one goes on. */
async function runCron(miniflare: Miniflare): Promise<void> {
  const worker = await miniflare.getWorker();
  await worker.scheduled({ cron: '*/5 * * * *' }).catch(() => {});
}

/** The files of a bundle: worker.js first, as the entry. */
async function bundleModules(bundle: string) {
  const files = await readdir(bundle, { recursive: true });
  const named = (end: string) =>
    files.filter((file) => file.endsWith(end)).map((file) => path.join(bundle, file));
  return [
    { type: 'ESModule' as const, path: path.join(bundle, 'worker.js') },
    ...named('.wasm').map((file) => ({ type: 'CompiledWasm' as const, path: file })),
    ...named('.txt').map((file) => ({ type: 'Text' as const, path: file })),
    ...named('.bin').map((file) => ({ type: 'Data' as const, path: file })),
  ];
}

async function bundleWorker(folder: string): Promise<void> {
  const args = [WRANGLER, 'deploy', '--dry-run', '--outdir', folder];
  const child = spawn(process.execPath, args, {
    cwd: PROJECT,
    env: { ...process.env, ...OFFLINE, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stdout.on('data', (piece) => (log += piece));
  child.stderr.on('data', (piece) => (log += piece));
  const [code] = await once(child, 'close');
  if (code === 0) return;
  throw new CliError(
    'worker-bundle',
    EXIT.missingPart,
    `wrangler could not bundle the Worker:\n${log.trim()}`,
    'Run "npm ci", then try again.',
  );
}

async function loaded<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new CliError(
      'wrangler-missing',
      EXIT.missingPart,
      'The local runtime of the Worker (wrangler, miniflare) is not installed.',
      'Run "npm ci" without "--omit=dev".',
      { cause },
    );
  }
}
