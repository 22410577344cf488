import type { TtftReport, TtftRow } from './main.ts';
import { METHODS } from './methods.ts';

const COLUMNS = ['text', ...METHODS] as const;
/** Mbit/s up to which the time is the link's more than the processor's. */
const NARROW_MBIT = 50;

/** The report as Markdown tables. */
export function printTtft(report: TtftReport): string {
  const { ttftByTokens, backend, threads, roundTripMs } = report;
  const head = ['Mbit/s', ...COLUMNS, 'text / ours', 'int8 / ours', 'cachegen / ours'];
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
          ...(['text', 'int8', 'cachegen'] as const).map((name) => factor(ratio(times, name))),
        ]),
      ),
    ].join('\n'),
  );
  return [...tables, payloadTable(report), verdict(report)].join('\n\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function payloadTable({ ttftPayloads }: TtftReport): string {
  const head = ['tokens', ...METHODS];
  return [
    'Megabytes that travel, and KLD against the exact cache over the text that follows',
    '',
    row(head),
    row(head.map(() => '---')),
    ...Object.entries(ttftPayloads).map(([tokens, payloads]) =>
      row([
        tokens,
        ...METHODS.map((name) => {
          const { bytes, kld } = payloads[name];
          return `${(bytes / 1e6).toFixed(2)}; ${kld.toPrecision(2)}`;
        }),
      ]),
    ),
  ].join('\n');
}

/** Smallest and largest ratios, of all lengths. */
function verdict({ ttftByTokens }: TtftReport): string {
  const all = Object.values(ttftByTokens).flatMap((rows) => Object.entries(rows));
  const span = (name: keyof TtftRow, keeps: (mbit: number) => boolean) => {
    const ratios = all
      .filter(([mbit]) => keeps(Number(mbit)))
      .map(([, times]) => ratio(times, name))
      .filter((value) => value !== null);
    return `${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)} times`;
  };
  const [wide, narrow] = [(mbit: number) => mbit >= NARROW_MBIT, (mbit: number) => mbit <= NARROW_MBIT];
  return (
    `Our \`standard\` is ${span('text', wide)} as fast as text at ${NARROW_MBIT} Mbit/s and above; at ${NARROW_MBIT} Mbit/s and below ` +
    `${span('int8', narrow)} as fast as int8 and ${span('cachegen', narrow)} as fast as cachegen.`
  );
}

function milliseconds(ms: number | null): string {
  return ms === null ? '-' : ms.toFixed(0);
}

function ratio(times: TtftRow, name: keyof TtftRow): number | null {
  const [theirs, ours] = [times[name], times.ours];
  return theirs === null || ours === null ? null : theirs / ours;
}

function factor(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)}x`;
}
