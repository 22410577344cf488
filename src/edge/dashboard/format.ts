const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function formatNumber(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 3 });
}

/** Bytes in decimal units with three digits: 284113 gives "284 kB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : Number(value.toPrecision(3))} ${UNITS[unit]}`;
}

/** Nats per token with two digits that mean something, however small. */
export function formatKld(nats: number): string {
  return nats === 0 ? '0' : nats >= 0.001 ? String(Number(nats.toPrecision(2))) : nats.toExponential(1);
}

export function formatShare(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** An instant as `2026-11-24 09:00 UTC`. */
export function formatDate(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

export function shortId(id: string): string {
  return `${id.slice(0, 12)}…`;
}
