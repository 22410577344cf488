import type { TtftReport } from './main.ts';

const LINES = [
  { name: 'text', color: '#8a8a8a' },
  { name: 'raw', color: '#c4692e' },
  { name: 'int8', color: '#7a86c8' },
  { name: 'cachegen', color: '#a8588f' },
  { name: 'ours', color: '#1b7f5c' },
] as const;
const LEGEND_WIDTH = 120;
const PANEL = { width: 300, height: 240, left: 60, top: 60, gap: 50 };

/** Time to first token over bandwidth, both logarithmic, a panel for every length, as an SVG file. */
export function plotTtft({ ttftByTokens }: TtftReport): string {
  const panels = Object.entries(ttftByTokens);
  const every = panels.flatMap(([, rows]) =>
    Object.values(rows).flatMap((row) => LINES.map(({ name }) => row[name]).filter((ms) => ms !== null)),
  );
  const low = Math.floor(Math.log10(Math.min(...every)));
  const high = Math.ceil(Math.log10(Math.max(...every)));
  const width = Math.max(
    PANEL.left + panels.length * (PANEL.width + PANEL.gap),
    PANEL.left + LINES.length * LEGEND_WIDTH,
  );
  const height = PANEL.top + PANEL.height + 50;
  const legend = LINES.map(
    ({ name, color }, i) =>
      `<rect x="${PANEL.left + LEGEND_WIDTH * i}" y="8" width="12" height="12" fill="${color}"/>` +
      `<text x="${PANEL.left + 18 + LEGEND_WIDTH * i}" y="18">${name === 'ours' ? 'standard (ours)' : name}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>Time to first token over bandwidth</title>',
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...legend,
    ...panels.map(([tokens, rows], index) => panel(tokens, rows, index, low, high)),
    '</svg>',
    '',
  ].join('\n');
}

function panel(tokens: string, rows: TtftReport['ttft'], index: number, low: number, high: number): string {
  const left = PANEL.left + index * (PANEL.width + PANEL.gap);
  const links = Object.keys(rows);
  const y = (ms: number) => PANEL.top + PANEL.height * (1 - (Math.log10(ms) - low) / (high - low));
  const [first, last] = [Math.log10(Number(links[0])), Math.log10(Number(links.at(-1)))];
  const x = (mbit: string) => left + (PANEL.width * (Math.log10(Number(mbit)) - first)) / (last - first);
  const parts = [`<text x="${left}" y="${PANEL.top - 14}" font-weight="bold">${tokens} tokens</text>`];
  for (let power = low; power <= high; power++) {
    const at = y(10 ** power).toFixed(1);
    const label = power < 3 ? `${10 ** power} ms` : `${10 ** (power - 3)} s`;
    parts.push(
      `<line x1="${left}" x2="${left + PANEL.width}" y1="${at}" y2="${at}" stroke="#ddd"/>`,
      `<text x="${left - 8}" y="${Number(at) + 4}" text-anchor="end">${label}</text>`,
    );
  }
  for (const mbit of links) {
    const at = x(mbit).toFixed(1);
    parts.push(`<text x="${at}" y="${PANEL.top + PANEL.height + 18}" text-anchor="middle">${mbit}</text>`);
  }
  parts.push(
    `<text x="${left + PANEL.width / 2}" y="${PANEL.top + PANEL.height + 36}" text-anchor="middle">Mbit/s</text>`,
  );
  for (const { name, color } of LINES) {
    const points = links.flatMap((mbit) => {
      const ms = rows[mbit]![name];
      return ms === null ? [] : [{ x: x(mbit).toFixed(1), y: y(ms).toFixed(1) }];
    });
    const path = points.map((point) => `${point.x},${point.y}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2.5"/>`);
    for (const point of points) parts.push(`<circle cx="${point.x}" cy="${point.y}" r="4" fill="${color}"/>`);
  }
  return parts.join('\n');
}
