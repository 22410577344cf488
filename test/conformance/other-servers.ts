import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../src/cli/local/free-port.ts';

export interface OtherServer {
  url: string;
  pid: number;
  close(): Promise<void>;
}

const START_MS = 20_000;

export const isInstalled = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

/** nginx serving files, named by their paths. */
export async function startNginx(files: Record<string, Uint8Array>, type: string): Promise<OtherServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kvedge-nginx-'));
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(folder, 'root', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; open_file_cache max=100;
      types {} default_type ${type};
      ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
      server {
        listen 127.0.0.1:${port}; root ${folder}/root;
        add_header Cache-Control "public, max-age=31536000, immutable, no-transform";
      }
    }`;
  await writeFile(path.join(folder, 'nginx.conf'), config);
  const child = spawn('nginx', ['-p', folder, '-c', `${folder}/nginx.conf`, '-e', `${folder}/error.log`]);
  return started(child, port, folder);
}

/** Varnish as it comes, in front of another server. */
export async function startVarnish(backend: string): Promise<OtherServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kvedge-varnish-'));
  await chmod(folder, 0o755); // its compiler runs as another user
  const port = await freePort();
  const { hostname, port: backendPort } = new URL(backend);
  const vcl = `vcl 4.1; backend default { .host = "${hostname}"; .port = "${backendPort}"; }`;
  await writeFile(path.join(folder, 'default.vcl'), vcl);
  const args = ['-F', '-a', `127.0.0.1:${port}`, '-f', `${folder}/default.vcl`, '-n', `${folder}/work`];
  const child = spawn('varnishd', [...args, '-s', 'malloc,64m']);
  return started(child, port, folder);
}

async function started(child: ChildProcess, port: number, folder: string): Promise<OtherServer> {
  let log = '';
  child.stderr?.on('data', (piece) => (log += piece));
  child.stdout?.on('data', (piece) => (log += piece));
  const exited = once(child, 'exit');
  const close = async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const deadlineMs = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadlineMs) {
      await close();
      throw new Error(`${child.spawnfile} did not start:\n${log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, close };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
