import type { TtftReport, TtftRow } from './main.ts';

const COLUMNS = ['text', 'raw', 'int8', 'cachegen', 'ours'] as const;

/** The report as Markdown tables. */
export function printTtft({ ttftByTokens, backend, threads, roundTripMs }: TtftReport): string {
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = ['Mbit/s', ...COLUMNS, 'text / ours', 'int8 / ours'];
  const tables = Object.entries(ttftByTokens).map(([tokens, rows]) =>
    [
      `Time to first token in ms, ${tokens} tokens (${backend} codec, ${threads} threads, round trip ${roundTripMs} ms)`,
      '',
      row(head),
      row(head.map(() => '---')),
      ...Object.entries(rows).map(([mbit, times]) =>
        row([
          mbit,
          ...COLUMNS.map((name) => milliseconds(times[name])),
          ratio(times, 'text'),
          ratio(times, 'int8'),
        ]),
      ),
    ].join('\n'),
  );
  return tables.join('\n\n');
}

function milliseconds(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(0);
}

function ratio(times: TtftRow, name: 'text' | 'int8'): string {
  const [theirs, ours] = [times[name], times.ours];
  return theirs === null || ours === null ? '-' : `${(theirs / ours).toFixed(1)}x`;
}
