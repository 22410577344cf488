import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QualityReport } from './main.ts';
import { plotQuality } from './plot.ts';
import { printQuality } from './print.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const START = '<!-- results: written by `npm run -s bench -- quality --write-docs` -->';
const END = '<!-- end of results -->';

/** Draws docs/plots/quality-<model>.svg and writes the section of docs/quality.md between the markers. */
export function writeQualityDocs(report: QualityReport) {
  mkdirSync(join(DOCS, 'plots'), { recursive: true });
  const plots = Object.entries(report.models).map(([name, model]) => {
    const file = `plots/quality-${name}.svg`;
    writeFileSync(join(DOCS, file), plotQuality(name, model));
    return `![KLD over bits per value, ${name}](${file})`;
  });
  const path = join(DOCS, 'quality.md');
  const section = [plots.join('\n'), printQuality(report)].join('\n\n');
  writeFileSync(path, replaceSection(readFileSync(path, 'utf8'), section));
}

/** The text between the markers replaced. Throws if they are not there. */
export function replaceSection(text: string, section: string): string {
  const [from, to] = [text.indexOf(START), text.indexOf(END)];
  if (from === -1 || to < from) throw new Error(`no section between "${START}" and "${END}"`);
  return `${text.slice(0, from + START.length)}\n\n${section}\n\n${text.slice(to)}`;
}
