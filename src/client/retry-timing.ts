/** When to try again. Pure arithmetic; the waiting is p-retry's. */

/** Attempts after the first. */
export const DEFAULT_RETRIES = 4;
export const MIN_DELAY_MS = 200;
export const MAX_DELAY_MS = 5_000;
/** A longer Retry-After is not waited for. */
export const MAX_RETRY_AFTER_MS = 30_000;

const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

export function isRetriedStatus(status: number): boolean {
  return RETRIED_STATUSES.has(status) || status >= 520;
}

/** Milliseconds that a Retry-After header asks for (RFC 9110, 10.2.3: seconds or a date); null if absent or malformed. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}
