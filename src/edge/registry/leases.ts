/**
 * Who works on something holds it for a time that D1 keeps, so that a crash ends the hold by itself. The bucket knows nothing
 * of holds: whoever writes to it must therefore begin well before the hold ends. Each work below may begin its last write to
 * the bucket until half of its hold has passed; the other half is for that write to arrive.
 */

/** A publish, from its references to its manifest. */
export const PUBLISH_LEASE_MS = 120_000;

/** The removal of a context, or of condemned chunks, until another may take it over. */
export const REMOVAL_LEASE_MS = 120_000;

/** How long a chunk that was stored, and that no context refers to, is kept for one that will. */
export const HOLD_MS = 24 * 3_600_000;

/** True while work that was begun at `sinceMs` under a hold of `leaseMs` may still begin to write. */
export function mayWrite(sinceMs: number, leaseMs: number): boolean {
  return Date.now() - sinceMs < leaseMs / 2;
}
