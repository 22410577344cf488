import type { StreamingReport } from './main.ts';
import { FAMILIES } from './trace.ts';

const BARS = [
  { name: 'ours', color: '#1b7f5c' },
  { name: 'cachegen', color: '#c4692e' },
  { name: 'standard', color: '#7a86c8' },
  { name: 'oracle', color: '#8a8a8a' },
] as const;
const PANEL = { width: 760, height: 190, left: 60, top: 44 };
const BAR_WIDTH = 26;

/** Misses and quality by trace family as an SVG file. */
export function plotStreaming(report: StreamingReport): string {
  const panels = [
    panel(
      0,
      'share of requests that miss the deadline',
      (family, name) => report.families[family].miss[name]!,
    ),
    panel(
      1,
      'quality (0: draft, 1: lossless; a miss counts 0)',
      (family, name) => report.families[family].quality[name]!,
    ),
  ];
  const legend = BARS.map(
    ({ name, color }, i) =>
      `<rect x="${PANEL.left + 120 * i}" y="8" width="12" height="12" fill="${color}"/>` +
      `<text x="${PANEL.left + 18 + 120 * i}" y="18">${name}</text>`,
  );
  const height = 2 * (PANEL.height + PANEL.top) + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PANEL.width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>Misses and quality by trace family</title>',
    `<rect width="${PANEL.width}" height="${height}" fill="white"/>`,
    ...legend,
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(
  index: number,
  title: string,
  value: (family: (typeof FAMILIES)[number], name: string) => number,
): string {
  const bottom = (index + 1) * (PANEL.top + PANEL.height) - 20;
  const full = PANEL.height - 40;
  const parts = [`<text x="${PANEL.left}" y="${bottom - full - 10}" font-weight="bold">${title}</text>`];
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    const y = bottom - full * tick;
    parts.push(
      `<line x1="${PANEL.left}" x2="${PANEL.width - 10}" y1="${y}" y2="${y}" stroke="#ddd"/>`,
      `<text x="${PANEL.left - 8}" y="${y + 4}" text-anchor="end">${tick}</text>`,
    );
  }
  const step = (PANEL.width - PANEL.left - 10) / FAMILIES.length;
  for (const [column, family] of FAMILIES.entries()) {
    const left = PANEL.left + column * step + (step - BAR_WIDTH * BARS.length) / 2;
    for (const [i, { name, color }] of BARS.entries()) {
      const height = full * Math.max(0, value(family, name));
      parts.push(
        `<rect x="${(left + i * BAR_WIDTH).toFixed(1)}" y="${(bottom - height).toFixed(1)}" ` +
          `width="${BAR_WIDTH - 3}" height="${height.toFixed(1)}" fill="${color}"/>`,
      );
    }
    const middle = (PANEL.left + (column + 0.5) * step).toFixed(1);
    parts.push(`<text x="${middle}" y="${bottom + 15}" text-anchor="middle">${family}</text>`);
  }
  return parts.join('\n');
}
