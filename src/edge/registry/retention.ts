import { PUBLISH_LEASE_MS } from './leases.ts';

/** After this time a removed context answers 404 instead of 410. */
const TOMBSTONE_MS = 365 * 86_400_000;

/** Holds of crashed publishes stay a while, so that a slow one can still see that it has lost its own. */
const ENDED_LEASE_MS = 10 * PUBLISH_LEASE_MS;

/** Deletes entries that nobody needs any more. */
export async function forgetOld(db: D1Database): Promise<void> {
  const now = Date.now();
  await db.batch([
    db.prepare('DELETE FROM tombstones WHERE gone_at_ms <= ?1').bind(now - TOMBSTONE_MS),
    db.prepare('DELETE FROM publishing WHERE until_ms <= ?1').bind(now - ENDED_LEASE_MS),
  ]);
}
