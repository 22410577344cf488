import { parseHttpDate } from './date.ts';

const ETAG_LIST_ITEM = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;
/** A date is a strong validator only if it is older than the second that it names (RFC 9110, section 8.8.2.2). */
const STRONG_DATE_MS = 1000;

/** What a condition is compared with. */
export interface Validators {
  /** Strong entity tag with its quotes. */
  etag: string;
  /** Milliseconds since 1970. */
  modifiedAtMs: number;
}

/** True if `header` (If-None-Match, If-Match) names `etag`, or is `*`. `etag` is strong. */
function names(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, opaque] of header.matchAll(ETAG_LIST_ITEM)) {
    if (opaque === etag && (weak === undefined || comparison === 'weak')) return true;
  }
  return false;
}

/** Whether an object was modified after a date; null if the header is absent or no HTTP-date, and so to be ignored. */
function modifiedSince(header: string | null, { modifiedAtMs }: Validators, nowMs: number): boolean | null {
  const date = header === null ? null : parseHttpDate(header, nowMs);
  return date === null ? null : wholeSeconds(modifiedAtMs) > date;
}

export type Precondition = 'proceed' | 'not-modified' | 'failed';

/** Preconditions of a GET or HEAD of something that exists, in the order of RFC 9110, section 13.2.2. */
export function decidePrecondition(headers: Headers, current: Validators, nowMs: number): Precondition {
  const ifMatch = headers.get('if-match');
  if (ifMatch !== null) {
    if (!names(ifMatch, current.etag, 'strong')) return 'failed';
  } else if (modifiedSince(headers.get('if-unmodified-since'), current, nowMs) === true) return 'failed';

  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return names(ifNoneMatch, current.etag, 'weak') ? 'not-modified' : 'proceed';
  const modified = modifiedSince(headers.get('if-modified-since'), current, nowMs);
  return modified === false ? 'not-modified' : 'proceed';
}

/** Whether a PUT may go on, given what is stored (RFC 9110, sections 13.1.1, 13.1.2 and 13.1.4). */
export function mayWrite(headers: Headers, stored: Validators | null, nowMs: number): boolean {
  const ifMatch = headers.get('if-match');
  if (ifMatch !== null) {
    if (stored === null || !names(ifMatch, stored.etag, 'strong')) return false;
  } else if (stored !== null && modifiedSince(headers.get('if-unmodified-since'), stored, nowMs) === true) {
    return false;
  }
  const ifNoneMatch = headers.get('if-none-match');
  return ifNoneMatch === null || stored === null || !names(ifNoneMatch, stored.etag, 'weak');
}

/** Whether Range counts: without If-Range, or when it holds exactly this validator (RFC 9110, section 13.1.5). */
export function rangeApplies(headers: Headers, current: Validators, nowMs: number): boolean {
  const ifRange = headers.get('if-range');
  if (ifRange === null || ifRange.trim() === current.etag) return true;
  const date = parseHttpDate(ifRange, nowMs);
  const modifiedAtMs = wholeSeconds(current.modifiedAtMs);
  return date === modifiedAtMs && nowMs - modifiedAtMs > STRONG_DATE_MS;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
