import type { Env, Principal } from './env.ts';
import { BlobTiers } from './tiers/blobs.ts';
import type { TierOutcome } from './tiers/outcome.ts';

/** One request for stored objects, as the handlers of chunks and manifests need it, whatever matched its route. */
export interface Reading {
  request: Request;
  env: Env;
  /** Null for who showed no credential. */
  principal: Principal | null;
  tiers: BlobTiers;
  /** Keeps how the answer's object was read, for metrics. */
  setOutcome(outcome: TierOutcome): void;
}

export function newReading(
  request: Request,
  env: Env,
  principal: Principal | null,
  waitUntil: (work: Promise<unknown>) => void,
  setOutcome: Reading['setOutcome'],
): Reading {
  const tiers = new BlobTiers(env.BLOBS, caches.default, request.url, { waitUntil, onOutcome: setOutcome });
  return { request, env, principal, tiers, setOutcome };
}
