import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { pinnedVenv } from '../support/pinned-venv.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Requests under way at the end of a run may take so long. */
const STOP_SECONDS = 150;
const LOG_TAIL_CHARS = 4000;

/** What `scenarios/common.py` writes. */
export const Summary = z.object({
  requests: z.number(),
  requestsPerSecond: z.number(),
  checksPassed: z.number(),
  checksFailed: z.number(),
  failedChecks: z.record(z.string(), z.number()),
  /** The first checks that failed, with what was seen. */
  examples: z.array(z.string()),
  exceptions: z.array(z.string()),
  brokenThresholds: z.array(z.string()),
  byRequest: z.array(
    z.object({
      name: z.string(),
      requests: z.number(),
      perSecond: z.number(),
      p50Ms: z.number(),
      p99Ms: z.number(),
    }),
  ),
  /** Of this scenario alone. */
  figures: z.record(z.string(), z.number()),
});
export type Summary = z.infer<typeof Summary>;

/** The command, installed on first use; null where it cannot be. */
export function locust(): string | null {
  const venv = pinnedVenv('load', path.join(HERE, 'requirements.txt'));
  return venv === null ? null : path.join(venv, 'bin/locust');
}

export interface LocustRun {
  command: string;
  /** File below `scenarios/`, without `.py`. */
  scenario: string;
  users: number;
  /** At most; a scenario may end sooner. */
  seconds: number;
  /** What the scenario is told. */
  target: object;
}

/** Runs one scenario to its end. */
export async function runLocust({ command, scenario, users, seconds, target }: LocustRun): Promise<Summary> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kvedge-load-'));
  const [targetFile, summaryFile] = [path.join(folder, 'target.json'), path.join(folder, 'summary.json')];
  try {
    await writeFile(targetFile, JSON.stringify(target), { mode: 0o600 });
    const args = ['-f', path.join(HERE, 'scenarios', `${scenario}.py`), '--headless', '--only-summary'];
    const limits = [
      '-u',
      String(users),
      '-r',
      String(users),
      '-t',
      `${seconds}s`,
      '-s',
      String(STOP_SECONDS),
    ];
    const child = spawn(command, [...args, ...limits, '--loglevel', 'WARNING'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        KVEDGE_LOAD_TARGET: targetFile,
        KVEDGE_LOAD_SUMMARY: summaryFile,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    let log = '';
    child.stderr.on('data', (piece) => {
      log = (log + piece).slice(-LOG_TAIL_CHARS);
    });
    const [code] = await once(child, 'close');
    const text = await readFile(summaryFile, 'utf8').catch(() => null);
    if (text === null)
      throw new Error(`Locust ended with ${code} and without a summary of ${scenario}:\n${log}`);
    return Summary.parse(JSON.parse(text));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
