import type { LevelSummary, QualityReport } from './main.ts';

/** The report as a Markdown table. */
export function printQuality(report: QualityReport): string {
  const row = (name: string, s: LevelSummary) =>
    [
      name,
      s.bitsPerValue.toFixed(3),
      (16 / s.bitsPerValue).toFixed(1),
      s.kld.toFixed(5),
      s.dnll.toFixed(4),
      s.top1.toFixed(3),
      percent(s.overhead),
      percent(s.embeddingCost),
      `${s.worst.document} ${s.worst.kld.toFixed(4)}`,
    ].join(' | ');
  const cachegen = Object.entries(report.cachegen).map(([name, s]) => [`cachegen ${name}`, s] as const);
  const rows = [...Object.entries(report.levels), ...cachegen, ...Object.entries(report.baselines)];
  return [
    `${report.model}, ${report.documents} documents, prefix ${report.prefixTokens} tokens in 256-token chunks, ` +
      `${report.scoredTokens} scored, ${report.backend} codec`,
    '',
    '| level | bits/value | x | KLD | dNLL | top-1 | overhead | embedding | worst document |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map(([name, summary]) => `| ${row(name, summary)} |`),
  ].join('\n');
}

const percent = (share: number | undefined) => (share === undefined ? '' : `${(100 * share).toFixed(1)}%`);
