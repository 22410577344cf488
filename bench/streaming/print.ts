import type { StreamingReport } from './main.ts';
import { FAMILIES } from './trace.ts';

const COLUMNS = ['ours', 'cachegen', 'draft', 'standard', 'high', 'near-lossless', 'text', 'oracle'];

/** The report as Markdown tables. */
export function printStreaming(report: StreamingReport): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)}%`;
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = (cells: readonly string[]) => [row(cells), row(cells.map(() => '---'))];
  const perFamily = FAMILIES.map((family) => ({ family, figures: report.families[family] }));
  return [
    `SLO misses, ${report.requests} simulated requests per trace family`,
    '',
    ...head(['trace', ...COLUMNS]),
    ...perFamily.map(({ family, figures }) =>
      row([family, ...COLUMNS.map((name) => percent(figures.miss[name]!))]),
    ),
    '',
    `Quality where the oracle meets the deadline; mean regret ${percent(report.regret)}`,
    '',
    ...head([
      'trace',
      ...COLUMNS,
      'regret',
      'slowest / text',
      'slowest / fixed',
      'requests per chunk',
      'wasted',
    ]),
    ...perFamily.map(({ family, figures }) =>
      row([
        family,
        ...COLUMNS.map((name) => figures.quality[name]!.toFixed(2)),
        percent(figures.regret),
        figures.slowestAgainstText.toFixed(3),
        figures.slowestAgainstFixed.toFixed(3),
        figures.requestsPerChunk.toFixed(2),
        percent(figures.wasted),
      ]),
    ),
    '',
    'SLO misses of clients that share one link',
    '',
    ...head(['clients', 'ours', 'cachegen', 'draft', 'text']),
    ...Object.entries(report.shared).map(([clients, misses]) =>
      row([clients, ...['ours', 'cachegen', 'draft', 'text'].map((name) => percent(misses[name]!))]),
    ),
  ].join('\n');
}
