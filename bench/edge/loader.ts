import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PACE = fileURLToPath(new URL('pace.lua', import.meta.url));
const UNIT_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };

export interface Load {
  connections: number;
  seconds: number;
  /** Mean pause of a connection between two requests; default: none. */
  pauseMs?: number;
}

export interface LoadResult {
  requestsPerSecond: number;
  p99Ms: number;
}

/** Load by wrk on one thread. Throws if any answer was not 2xx or a socket failed. */
export async function runWrk(url: string, { connections, seconds, pauseMs }: Load): Promise<LoadResult> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  const paced = pauseMs === undefined ? [url] : ['-s', PACE, url, '--', String(Math.round(pauseMs))];
  const { stdout } = await run('wrk', [...args, ...paced]);
  const failed = /(Non-2xx.*|Socket errors.*)/.exec(stdout)?.[1];
  if (failed !== undefined) throw new Error(`${url}: ${failed}`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  if (rate === undefined || p99 === null) throw new Error(`wrk printed no figures:\n${stdout}`);
  return { requestsPerSecond: Number(rate), p99Ms: Number(p99[1]) * UNIT_MS[p99[2]!]! };
}
