import { sha256Hex } from '../protocol/ids.ts';

const DIGITS = 12;
const MAX_TENANTS = 1_000;
const known = new Map<string, string>();

/** A tenant's pseudonym in logs: equal for equal names, and no name. */
export async function tenantHash(tenant: string): Promise<string> {
  const found = known.get(tenant);
  if (found !== undefined) return found;
  const bytes = new TextEncoder().encode(`kvedge/tenant-log/v1\0${tenant}`) as Uint8Array<ArrayBuffer>;
  const hash = (await sha256Hex(bytes)).slice(0, DIGITS);
  if (known.size >= MAX_TENANTS) known.clear();
  known.set(tenant, hash);
  return hash;
}
