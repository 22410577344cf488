import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-codes.ts';

export interface Service {
  url: string;
  process: ChildProcess;
  /** Asks it to end, and makes it after a while. */
  close(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const STOP_MS = 5000;
const LOG_TAIL_CHARS = 4000;

const Ready = z.object({ url: z.url() });

/**
 * Starts `kvedge <args>`, a service, in a process of its own and waits until it listens. It ends with this process, even if
 * that is killed: losing the channel stops it. `onLog` gets every line of its log.
 */
export async function startService(
  args: readonly string[],
  env: Record<string, string>,
  onLog?: (line: string, pid: number) => void,
): Promise<Service> {
  const child = spawn(process.execPath, [MAIN, ...args, '--json'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let log = '';
  child.stderr!.on('data', (piece) => {
    log = (log + piece).slice(-LOG_TAIL_CHARS);
  });
  if (onLog !== undefined) {
    createInterface({ input: child.stderr! }).on('line', (line) => onLog(line, child.pid!));
  }
  const exited = once(child, 'exit');
  exited.catch(() => {});
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await exited;
    clearTimeout(timer);
  };
  try {
    const line = await Promise.race([
      once(createInterface({ input: child.stdout! }), 'line').then(([text]) => String(text)),
      exited.then(() => null),
    ]);
    if (line === null) throw failedToStart(args, log);
    return { url: Ready.parse(JSON.parse(line)).url, process: child, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function failedToStart(args: readonly string[], log: string): CliError {
  return new CliError(
    'service-failed',
    EXIT.unexpected,
    `"kvedge ${args.slice(0, 2).join(' ')}" did not start:\n${log.trim()}`,
    'Run "npm run kvedge -- doctor" to see what is missing.',
  );
}
