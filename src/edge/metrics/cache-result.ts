/** Reasons of RFC 9211, section 2.2; others count as `other`, so that the label has few values. */
const FORWARD_REASONS = new Set([
  'bypass',
  'method',
  'uri-miss',
  'vary-miss',
  'miss',
  'request',
  'stale',
  'partial',
]);

export interface CacheResult {
  /** `hit`, or why the request was forwarded. */
  result: string;
  /** The answer was stored. */
  filled: boolean;
}

/** What this Worker's own entry in a `Cache-Status` header says: the last member of the list (RFC 9211, section 2). */
export function cacheResult(header: string): CacheResult {
  const parameters = (header.split(',').at(-1) ?? '').split(';').map((part) => part.trim());
  const forward = parameters.find((part) => part.startsWith('fwd='))?.slice('fwd='.length);
  const result = parameters.includes('hit') ? 'hit' : FORWARD_REASONS.has(forward ?? '') ? forward! : 'other';
  return { result, filled: parameters.includes('stored') };
}
