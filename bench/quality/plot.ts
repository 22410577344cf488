import { CURVES } from './print.ts';
import type { CurvePoint, ModelReport } from './report.ts';

const COLORS: Record<string, string> = {
  ladder: '#1b7f5c',
  cachegen: '#c4692e',
  kvtc: '#7a86c8',
  'paper-cachegen': '#b3477f',
  lmcache: '#8a6d3b',
  integer: '#8a8a8a',
};
const PANEL = { width: 420, height: 340, left: 64, top: 80, gap: 56 };
const LEGEND_COLUMN = 170;
const KLD_RANGE = { least: 3e-5, most: 1 };
const BIT_TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** KLD over bits per value, both logarithmic, a panel for every length of the prefix, as an SVG file. */
export function plotQuality(name: string, model: ModelReport): string {
  const panels = [
    { tokens: model.prefixTokens, curves: model.curves, documents: model.documents },
    ...Object.entries(model.prefixes).map(([tokens, { curves, documents }]) => ({
      tokens: Number(tokens),
      curves,
      documents,
    })),
  ];
  const width = Math.max(PANEL.left + panels.length * (PANEL.width + PANEL.gap), 3 * LEGEND_COLUMN + 80);
  const height = PANEL.top + PANEL.height + 50;
  const legend = Object.entries(CURVES).map(([curve, title], i) => {
    const x = PANEL.left + LEGEND_COLUMN * (i % 3);
    const y = 10 + 20 * Math.floor(i / 3);
    return (
      `<rect x="${x}" y="${y}" width="12" height="12" fill="${COLORS[curve]}"/>` +
      `<text x="${x + 18}" y="${y + 10}">${title.replace("'", '&#39;')}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>KLD over bits per value, ${name}</title>`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...legend,
    ...panels.map((panel, index) => drawPanel(panel, index)),
    '</svg>',
    '',
  ].join('\n');
}

interface Panel {
  tokens: number;
  documents: number;
  curves: Record<string, CurvePoint[]>;
}

function drawPanel({ tokens, documents, curves }: Panel, index: number): string {
  const left = PANEL.left + index * (PANEL.width + PANEL.gap);
  const bottom = PANEL.top + PANEL.height;
  const share = (value: number, least: number, most: number) =>
    Math.log(value / least) / Math.log(most / least);
  const x = (bits: number) => (left + PANEL.width * share(bits, BIT_TICKS[0]!, BIT_TICKS.at(-1)!)).toFixed(1);
  const y = (kld: number) => (bottom - PANEL.height * share(kld, KLD_RANGE.least, KLD_RANGE.most)).toFixed(1);
  const parts = [
    `<text x="${left}" y="${PANEL.top - 12}" font-weight="bold">prefix ${tokens} tokens, ${documents} document${documents === 1 ? '' : 's'}</text>`,
    `<text x="${left + PANEL.width / 2}" y="${bottom + 38}" text-anchor="middle">bits per value</text>`,
  ];
  for (let power = -4; power <= 0; power++) {
    const at = y(10 ** power);
    parts.push(
      `<line x1="${left}" x2="${left + PANEL.width}" y1="${at}" y2="${at}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${Number(at) + 4}" text-anchor="end">${10 ** power}</text>`,
    );
  }
  if (index === 0)
    parts.push(
      `<text x="14" y="${PANEL.top + PANEL.height / 2}" transform="rotate(-90 14 ${PANEL.top + PANEL.height / 2})" text-anchor="middle">KLD, nats per token</text>`,
    );
  for (const bits of BIT_TICKS) {
    parts.push(
      `<line x1="${x(bits)}" x2="${x(bits)}" y1="${PANEL.top}" y2="${bottom}" stroke="#eee"/>`,
      `<text x="${x(bits)}" y="${bottom + 18}" text-anchor="middle">${bits}</text>`,
    );
  }
  for (const curve of Object.keys(CURVES)) {
    const shown = (curves[curve] ?? []).filter(
      ({ kld, bitsPerValue }) =>
        kld >= KLD_RANGE.least && kld <= KLD_RANGE.most && bitsPerValue <= BIT_TICKS.at(-1)!,
    );
    const path = shown.map(({ bitsPerValue, kld }) => `${x(bitsPerValue)},${y(kld)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${COLORS[curve]}" stroke-width="2"/>`);
    for (const { bitsPerValue, kld, level } of shown) {
      // Levels are full, cuts between them and settings of baselines are small.
      parts.push(
        `<circle cx="${x(bitsPerValue)}" cy="${y(kld)}" r="${level ? 5 : 3}" fill="${COLORS[curve]}"/>`,
      );
    }
  }
  return parts.join('\n');
}
