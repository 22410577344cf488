import type { CodecReport } from './main.ts';

/** The report as lines of `name value`, without raw times. */
export function printCodec(report: CodecReport): string {
  const lines: string[] = [];
  const add = (path: string, value: unknown) => {
    if (typeof value === 'number') lines.push(`${path} ${Number(value.toPrecision(4))}`);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) add(path === '' ? key : `${path}.${key}`, inner);
    } else lines.push(`${path} ${value}`);
  };
  const { rawMs: _, rawCpuMs: __, ...figures } = report;
  add('', figures);
  return lines.join('\n');
}
