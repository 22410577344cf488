import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import type { EdgeAccess } from '../../client/index.ts';
import { kvedgeHome, SMOLLM2 } from '../../engine/llama/models.ts';
import { freePort } from './free-port.ts';
import { localSecrets, mintLocalToken } from './secrets.ts';
import { type Service, startService } from './service.ts';

export interface StackOptions {
  /** Prefix of the name of its folder below KVEDGE_HOME. */
  name: string;
  /** Profile files for the origin, before those that come with kvedge. */
  profiles: readonly string[];
  model?: string;
  threads?: number;
  /** Of the edge; default as in wrangler.toml. */
  leaseSeconds?: number;
  /** Called with every line that an origin logs, and which process wrote it. */
  onOriginLog?: (line: string, pid: number) => void;
}

/** A real origin and the real Worker, each a process, with storage that is theirs alone. */
export interface Stack {
  edge: Service;
  origin: Service;
  /** Access with the scopes `publish` and `read`. */
  access: EdgeAccess;
  /** KVEDGE_HOME of both services. */
  home: string;
  /** Starts a service again, the edge on its port, after it was stopped or killed. */
  restartOrigin(): Promise<void>;
  /** Starts another origin beside the first. */
  addOrigin(): Promise<Service>;
  closeOrigins(): Promise<void>;
  restartEdge(): Promise<void>;
  close(): Promise<void>;
}

const TOKEN_TTL_SECONDS = 3600;

/** Starts both; the model comes from the ordinary KVEDGE_HOME, everything else is new and deleted by `close`. */
export async function startStack(options: StackOptions): Promise<Stack> {
  await mkdir(kvedgeHome(), { recursive: true });
  await removeAbandoned(options.name);
  const home = await mkdtemp(path.join(kvedgeHome(), `${options.name}-${process.pid}-`));
  const services: Service[] = [];
  const close = async () => {
    await Promise.all(services.map((service) => service.close()));
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await symlink(path.join(kvedgeHome(), 'models'), path.join(home, 'models'));
    const env = { KVEDGE_HOME: home };
    const secrets = await localSecrets(home);
    const edgePort = await freePort();
    const start = async (args: readonly string[], onLog?: StackOptions['onOriginLog']) => {
      const service = await startService(args, env, onLog);
      services.push(service);
      return service;
    };
    const startEdge = () =>
      start([
        ...['edge', 'dev', '--port', String(edgePort)],
        ...(options.leaseSeconds === undefined ? [] : ['--lease', String(options.leaseSeconds)]),
      ]);
    const edge = await startEdge();
    const origins: Service[] = [];
    const startOrigin = async () => {
      const origin = await start(
        [
          ...['origin', 'serve', '--port', '0', '--edge', edge.url],
          ...['--model', options.model ?? SMOLLM2.id],
          ...(options.profiles.length > 0 ? ['--profile', ...options.profiles] : []),
          ...(options.threads === undefined ? [] : ['--threads', String(options.threads)]),
        ],
        options.onOriginLog,
      );
      origins.push(origin);
      return origin;
    };
    const stack: Stack = {
      edge,
      origin: await startOrigin(),
      access: {
        edge: edge.url,
        token: await mintLocalToken(secrets, { scopes: ['publish', 'read'], ttlSeconds: TOKEN_TTL_SECONDS }),
      },
      home,
      async restartOrigin() {
        await stack.origin.close();
        stack.origin = await startOrigin();
      },
      addOrigin: startOrigin,
      async closeOrigins() {
        await Promise.all(origins.map((origin) => origin.close()));
      },
      async restartEdge() {
        await stack.edge.close();
        stack.edge = await startEdge();
      },
      close,
    };
    return stack;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Removes the folders of stacks whose process was killed before it could. */
async function removeAbandoned(name: string): Promise<void> {
  for (const entry of await readdir(kvedgeHome())) {
    const pid = new RegExp(`^${name}-(\\d+)-\\w{6}$`).exec(entry)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(path.join(kvedgeHome(), entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
