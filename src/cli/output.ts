import { styleText } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';

/** Where a command speaks: data to standard output, everything else to standard error. */
export interface Output {
  json: boolean;
  /** The command's answer: one JSON document with --json, else the lines of `human`. */
  result(value: unknown, human: () => string): void;
  /** A piece of the answer as it comes, for people: `result` ends it. Nothing with --json. */
  write(piece: string): void;
  /** For people who watch; silent with --json. */
  note(message: string): void;
  /** A bar on a terminal, nothing elsewhere. */
  progress(label: string): Progress;
}

export interface Progress {
  update(done: number, total: number, detail?: string): void;
  stop(): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    result(value, human) {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${human()}\n`);
    },
    write(piece) {
      if (!json) process.stdout.write(piece);
    },
    note(message) {
      if (!json) process.stderr.write(`${message}\n`);
    },
    progress: (label) => (json || !process.stderr.isTTY ? { update() {}, stop() {} } : terminalBar(label)),
  };
}

function terminalBar(label: string): Progress {
  const bar = new SingleBar(
    {
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      format: `${label} {bar} {percentage}% {detail}`,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(done, total, detail = '') {
      if (!started) bar.start(total, done, { detail });
      else bar.setTotal(total);
      started = true;
      bar.update(done, { detail });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}

/** Bold on a terminal that wants colour (NO_COLOR and FORCE_COLOR are heeded). */
export function bold(text: string): string {
  return styleText('bold', text, { stream: process.stdout });
}

/** `rows` as a table of aligned columns; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  return [bold(line(head)), ...rows.map(line)].join('\n');
}

export function megabytes(bytes: number): string {
  return bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
