import { megabytes, table } from '../output.ts';
import type { DemoReport } from './main.ts';
import type { LevelFigures } from './measure.ts';

const HEAD = ['level', 'bytes', 'bits/value', 'first token', '', 'at 100 Mbit/s', '', 'equal tokens'];

/** The demo's table: every row against reading the text with the same threads. */
export function renderReport(report: DemoReport): string {
  const { text } = report;
  const textRow = [
    'text',
    '',
    '',
    milliseconds(text.ttftMs),
    '1.0x',
    milliseconds(text.ttft100MbitMs),
    '1.0x',
    `${text.tokens}/${text.tokens}`,
  ];
  const lines = [
    `${report.title}: ${report.contextTokens} tokens, ${report.values} KV values, ${report.model}, ${report.threads} threads;`,
    `computed, encoded and published in ${(report.publishMs / 1000).toFixed(1)} s.`,
    '',
    `Codec: ${report.backend}. The profile of the model is cached; medians.`,
    table(HEAD, [textRow, ...levelRows(report, report.levels)]),
  ];
  if (report.wasm !== undefined) {
    lines.push(
      '',
      'Codec: wasm (as in browsers).',
      table(HEAD, [textRow, ...levelRows(report, report.wasm.levels)]),
    );
  }
  return lines.join('\n');
}

function levelRows({ text }: DemoReport, levels: Record<string, LevelFigures>): string[][] {
  return Object.entries(levels).map(([name, level]) => [
    name,
    megabytes(level.bytes),
    level.bitsPerValue.toFixed(3),
    milliseconds(level.ttftMs),
    `${(text.ttftMs / level.ttftMs).toFixed(1)}x`,
    milliseconds(level.ttft100MbitMs),
    `${(text.ttft100MbitMs / level.ttft100MbitMs).toFixed(1)}x`,
    level.equalTokens === undefined ? '' : `${Math.round(level.equalTokens * text.tokens)}/${text.tokens}`,
  ]);
}

function milliseconds(ms: number): string {
  return `${Math.round(ms)} ms`;
}
