import { MANIFEST_NAME, tenantPrefix } from './keys.ts';
import type { Usage } from './quota.ts';

/**
 * What a tenant's private contexts take in the bucket, by listing it: one request to R2 per 1,000 objects. Objects of contexts in
 * the making count by their bytes.
 */
export async function storedUsage(bucket: R2Bucket, tenant: string): Promise<Usage> {
  const usage: Usage = { contexts: 0, bytes: 0 };
  const prefix = tenantPrefix(tenant);
  let cursor: string | undefined;
  do {
    const page = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    for (const { key, size } of page.objects) {
      usage.bytes += size;
      if (key.endsWith(MANIFEST_NAME)) usage.contexts += 1;
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return usage;
}
