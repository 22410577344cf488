/** How one answer came about, for `Cache-Status` and for metrics. */
export interface TierOutcome {
  /** What gave the answer: this isolate's memory, this location's cache, R2, or the origin. */
  tier: 'memory' | 'cache' | 'store' | 'origin';
  /** Why the caches did not answer alone (RFC 9211, section 2.2); null for a hit. */
  forward: 'uri-miss' | 'stale' | null;
  /** On the way the cache was filled by this request, or is being filled by another; null: no fill. */
  fill: 'stored' | 'underway' | null;
  /** Set when a copy past its freshness was served: why that was allowed (RFC 5861). */
  stale: 'while-revalidate' | 'if-error' | null;
  /** Time since the copy was taken from the store; 0 when it comes from there now. */
  ageSeconds: number;
  /** What is left of its freshness, negative once it is stale; null for what never changes. */
  ttlSeconds: number | null;
}

/** The state of a computation: no tier before the origin had anything. */
export const FROM_ORIGIN: TierOutcome = {
  tier: 'origin',
  forward: 'uri-miss',
  fill: null,
  stale: null,
  ageSeconds: 0,
  ttlSeconds: null,
};

/** Value of `Cache-Status` (RFC 9211, section 2); `detail` adds what the route did with the object. */
export function cacheStatus(outcome: TierOutcome, detail?: string): string {
  const { tier, forward, fill, stale, ttlSeconds } = outcome;
  const parts = ['kvedge', forward === null ? 'hit' : `fwd=${forward}`];
  if (forward === null && ttlSeconds !== null) parts.push(`ttl=${ttlSeconds}`);
  if (fill === 'stored') parts.push('stored');
  const details = [
    stale === null ? [] : `stale-${stale}`,
    tier === 'memory' || tier === 'origin' ? tier : [],
    fill === 'underway' ? 'fill-underway' : [],
    detail ?? [],
  ].flat();
  if (details.length > 0) parts.push(`detail=${details.join('.')}`);
  return parts.join('; ');
}

/** Sets `Cache-Status`, and `Age` if the answer was taken from a cache (RFC 9111, section 5.1). */
export function setTierHeaders(headers: Record<string, string>, outcome: TierOutcome, detail?: string): void {
  headers['cache-status'] = cacheStatus(outcome, detail);
  if (outcome.tier === 'memory' || outcome.tier === 'cache') headers.age = String(outcome.ageSeconds);
}
