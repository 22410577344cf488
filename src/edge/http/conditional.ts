const ETAG_LIST_ITEM = /(W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;

/** True if `header` (If-None-Match, If-Match) names `etag`, or is `*`. `etag` is strong. */
function names(header: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, opaque] of header.matchAll(ETAG_LIST_ITEM)) {
    if (opaque === etag && (weak === undefined || comparison === 'weak')) return true;
  }
  return false;
}

export type Precondition = 'proceed' | 'not-modified' | 'failed';

/**
 * Preconditions of a GET or HEAD, in the order of RFC 9110, section 13.2.2. There are no modification dates here, so
 * If-Modified-Since and If-Unmodified-Since are ignored, as sections 13.1.3 and 13.1.4 say.
 */
export function decidePrecondition(headers: Headers, etag: string): Precondition {
  const ifMatch = headers.get('if-match');
  if (ifMatch !== null && !names(ifMatch, etag, 'strong')) return 'failed';
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null && names(ifNoneMatch, etag, 'weak')) return 'not-modified';
  return 'proceed';
}

/** Whether Range counts: without If-Range, or when it holds exactly this strong tag (RFC 9110, section 13.1.5). */
export function rangeApplies(headers: Headers, etag: string): boolean {
  const ifRange = headers.get('if-range');
  return ifRange === null || ifRange.trim() === etag;
}
