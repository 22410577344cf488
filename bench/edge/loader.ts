import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Load {
  /** Requests under way at a time. */
  connections: number;
  seconds: number;
}

export interface LoadResult {
  requestsPerSecond: number;
  p99Ms: number;
}

const UNIT_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000 };

/** Closed-loop load by wrk. Throws if any answer was not 2xx or a socket failed. */
export async function runWrk(url: string, { connections, seconds }: Load): Promise<LoadResult> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url];
  const { stdout } = await run('wrk', args);
  const failed = /(Non-2xx.*|Socket errors.*)/.exec(stdout)?.[1];
  if (failed !== undefined) throw new Error(`${url}: ${failed}`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(stdout);
  if (rate === undefined || p99 === null) throw new Error(`wrk printed no figures:\n${stdout}`);
  return { requestsPerSecond: Number(rate), p99Ms: Number(p99[1]) * UNIT_MS[p99[2]!]! };
}
