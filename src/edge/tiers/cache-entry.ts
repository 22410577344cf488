import { z } from 'zod';
import type { BlobHead } from './blobs.ts';

const HEAD_HEADER = 'x-kvedge-head';

const CachedHead = z.strictObject({
  bytes: z.int().nonnegative(),
  sha256: z.string(),
  meta: z.record(z.string(), z.string()),
});

/** The entry that the Cache API stores for an object. Its headers are internal and never reach a client. */
export function cachedResponse(head: BlobHead, body: ReadableStream, cacheSeconds: number): Response {
  return new Response(body, {
    headers: {
      'content-length': String(head.bytes),
      'content-type': 'application/octet-stream',
      'cache-control': `public, max-age=${cacheSeconds}`,
      etag: `"${head.sha256}"`,
      [HEAD_HEADER]: encodeURIComponent(JSON.stringify(head)),
    },
  });
}

/** The head kept in an entry; null if the entry is not one of this version. */
export function cachedHead(response: Response): BlobHead | null {
  const header = response.headers.get(HEAD_HEADER);
  if (header === null) return null;
  try {
    return CachedHead.parse(JSON.parse(decodeURIComponent(header)));
  } catch {
    return null;
  }
}
