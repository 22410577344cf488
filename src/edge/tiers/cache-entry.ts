import { z } from 'zod';
import type { BlobHead } from './head.ts';
import { type BlobPolicy, keptSeconds } from './policy.ts';

const HEAD_HEADER = 'x-kvedge-head';

const CachedHead = z.strictObject({
  bytes: z.int().nonnegative(),
  sha256: z.string(),
  storedAtMs: z.int(),
  meta: z.record(z.string(), z.string()),
  cachedAtMs: z.int(),
});

/** A head with the time at which the copy was taken from the store, in milliseconds since 1970. */
export interface CachedHead {
  head: BlobHead;
  cachedAtMs: number;
}

/**
 * The entry that the Cache API stores for an object. Its headers are internal and never reach a client; the cache keeps it
 * for as long as a stale copy may be of use, and the Worker itself judges freshness.
 */
export function cachedResponse(
  { head, cachedAtMs }: CachedHead,
  body: BodyInit,
  policy: BlobPolicy,
): Response {
  return new Response(body, {
    headers: {
      'content-length': String(head.bytes),
      'content-type': 'application/octet-stream',
      'cache-control': `public, max-age=${keptSeconds(policy)}`,
      etag: entryTag(head),
      [HEAD_HEADER]: encodeURIComponent(JSON.stringify({ ...head, cachedAtMs })),
    },
  });
}

/** The head kept in an entry; null if the entry is not one of this version. */
export function cachedHead(response: Response): CachedHead | null {
  const header = response.headers.get(HEAD_HEADER);
  if (header === null) return null;
  try {
    const { cachedAtMs, ...head } = CachedHead.parse(JSON.parse(decodeURIComponent(header)));
    return { head, cachedAtMs };
  } catch {
    return null;
  }
}

/** Whether an entry holds the object of `head`; cheaper than reading its head. */
export function holds(response: Response, head: BlobHead): boolean {
  return response.headers.get('etag') === entryTag(head) && response.headers.has(HEAD_HEADER);
}

function entryTag(head: BlobHead): string {
  return `"${head.sha256}"`;
}
