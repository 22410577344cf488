import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StreamingReport } from './main.ts';
import { plotStreaming } from './plot.ts';
import { printStreaming } from './print.ts';
import type { TtftReport } from './ttft/main.ts';
import { plotTtft } from './ttft/plot.ts';
import { printTtft } from './ttft/print.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCS = path.join(ROOT, 'docs/streaming.md');

/** Where and when the bench ran, and how busy the machine was: mean number of runnable tasks over a minute. */
export interface RunOf {
  date: string;
  cpu: string;
  cores: number;
  loadBefore: number;
  loadAfter: number;
  seconds: number;
}

/** Begins the description of a run; call what it returns at the end. */
export function beginRun(): () => RunOf {
  const startMs = Date.now();
  const loadBefore = loadavg()[0]!;
  return () => ({
    date: new Date(startMs).toISOString().slice(0, 10),
    cpu: cpus()[0]!.model,
    cores: cpus().length,
    loadBefore,
    loadAfter: loadavg()[0]!,
    seconds: Math.round((Date.now() - startMs) / 1000),
  });
}

/** Writes a plot, and the folder for it. */
export function writePlot(file: string, svg: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, svg);
}

/**
 * Commits a whole run to the tree: the report to `bench/record/streaming-<date>.json`, the plots to `docs/plots/`, the tables
 * to the marked places of `docs/streaming.md`. Gives the path of the record.
 */
export function writeRecord(report: StreamingReport & TtftReport & { run: RunOf }): string {
  const { run } = report;
  const record = `bench/record/streaming-${run.date}.json`;
  writeFileSync(path.join(ROOT, record), `${JSON.stringify(report, null, 2)}\n`);
  writePlot(path.join(ROOT, 'docs/plots/streaming.svg'), plotStreaming(report));
  writePlot(path.join(ROOT, 'docs/plots/ttft.svg'), plotTtft(report));
  const where =
    `${run.date}, ${run.cpu}, ${run.cores} cores; load average ${run.loadBefore.toFixed(1)} before, ` +
    `${run.loadAfter.toFixed(1)} after; ${run.seconds} s in all ([record](../${record})).`;
  let docs = readFileSync(DOCS, 'utf8');
  docs = withBlock(docs, 'ttft', `${where}\n\n${printTtft(report)}`);
  docs = withBlock(docs, 'simulated', printStreaming(report));
  writeFileSync(DOCS, docs);
  return record;
}

/** The document with other text between the marks of that name. */
function withBlock(document: string, name: string, text: string): string {
  const [from, to] = [`<!-- bench streaming: ${name} -->\n`, `\n<!-- end of bench streaming: ${name} -->`];
  const start = document.indexOf(from);
  const end = document.indexOf(to, start);
  if (start === -1 || end === -1) throw new Error(`docs/streaming.md has no marks for ${name}`);
  return `${document.slice(0, start + from.length)}\n${text}\n${document.slice(end)}`;
}
