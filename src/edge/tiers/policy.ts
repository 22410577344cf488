/** How long copies of an object may be used, by RFC 9111 (freshness) and RFC 5861 (stale copies). All in seconds. */
export interface BlobPolicy {
  /** True if the object under a key never changes: its head may then be remembered, and its copies are always fresh. */
  immutable: boolean;
  /** A copy this young is served without asking the store. */
  freshSeconds: number;
  /** For this much longer it is served while the store is asked in the background. */
  staleWhileRevalidateSeconds: number;
  /** For this much longer than `freshSeconds` it is served when the store fails. */
  staleIfErrorSeconds: number;
}

export const IMMUTABLE: BlobPolicy = {
  immutable: true,
  freshSeconds: 31_536_000,
  staleWhileRevalidateSeconds: 0,
  staleIfErrorSeconds: 0,
};

/** What a copy may be used for: `stale` only if the store fails, `expired` never. */
export type Freshness = 'fresh' | 'revalidate' | 'stale' | 'expired';

export function freshnessOf(ageSeconds: number, policy: BlobPolicy): Freshness {
  if (policy.immutable || ageSeconds < policy.freshSeconds) return 'fresh';
  const staleSeconds = ageSeconds - policy.freshSeconds;
  if (staleSeconds < policy.staleWhileRevalidateSeconds) return 'revalidate';
  return staleSeconds < policy.staleIfErrorSeconds ? 'stale' : 'expired';
}

/** How long a cache must keep a copy for all of that to work. */
export function keptSeconds(policy: BlobPolicy): number {
  return policy.freshSeconds + Math.max(policy.staleWhileRevalidateSeconds, policy.staleIfErrorSeconds);
}
