import { PUBLIC } from '../protocol/tenant.ts';
import { readerTenant } from './auth.ts';
import { BoundedMap } from './bounded-map.ts';
import type { Principal } from './env.ts';
import type { BlobTiers } from './tiers/blobs.ts';
import type { BlobPolicy } from './tiers/policy.ts';

export interface Located {
  key: string;
  /** Whose it is; `PUBLIC` for everybody's. */
  tenant: string;
}

const MAX_KNOWN_KEYS = 2_000;

/** Keys of private objects that this isolate has found: they need not be looked for among the public ones first. */
const knownPrivateKeys = new BoundedMap<string, true>(MAX_KNOWN_KEYS);

/**
 * Where the object of an id is for this reader: among the public ones, else among the tenant's own; null if it is in neither. The
 * keys are made from the reader's tenant, so another tenant's object is never looked at: for its id and for one that does
 * not exist the same keys are asked for in the same order. A reader without a tenant gets the public key unasked.
 */
export async function locate(
  tiers: BlobTiers,
  principal: Principal | null,
  keyOf: (id: string, tenant: string) => string,
  id: string,
  policy: BlobPolicy,
): Promise<Located | null> {
  const tenant = readerTenant(principal);
  const everybodys = { key: keyOf(id, PUBLIC), tenant: PUBLIC };
  if (tenant === PUBLIC) return everybodys;
  const own = { key: keyOf(id, tenant), tenant };
  if (knownPrivateKeys.has(own.key)) return own;
  if ((await tiers.head(everybodys.key, policy)) !== null) return everybodys;
  if ((await tiers.head(own.key, policy)) === null) return null;
  knownPrivateKeys.set(own.key, true);
  return own;
}

/**
 * Keeps what belongs to a tenant out of shared caches (`private`, RFC 9111, section 5.2.2.7), and makes a private cache ask again
 * for another user (`Vary`, section 4.1). Changes the headers of a response that this Worker made.
 */
export function ownedBy(tenant: string, response: Response): Response {
  if (tenant === PUBLIC) return response;
  const cacheControl = response.headers.get('cache-control') ?? 'no-store';
  response.headers.set('cache-control', cacheControl.replace(/^public\b/, 'private'));
  response.headers.append('vary', 'Authorization');
  return response;
}
