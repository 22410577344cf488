import type { Manifest } from '../protocol/manifest.ts';
import { ProblemError } from '../protocol/problems.ts';
import { summaryMeta } from './context-summary.ts';
import type { Representation } from './http/representation.ts';
import { isGone } from './registry/contexts.ts';
import type { BlobHead } from './tiers/head.ts';
import type { BlobPolicy } from './tiers/policy.ts';

/**
 * A manifest does not change, but it expires and can be deleted, so caches ask again after a minute; they may show the old one
 * while they ask, and for a day if nobody answers (RFC 5861). This Worker's own cache does the same.
 */
export const MANIFEST_POLICY: BlobPolicy = {
  immutable: false,
  freshSeconds: 60,
  staleWhileRevalidateSeconds: 300,
  staleIfErrorSeconds: 86_400,
};

const EXPIRES_KEY = 'expires';

/** What R2 keeps beside a manifest: its expiry for readers, its summary for lists. */
export function manifestMeta(manifest: Manifest): Record<string, string> {
  const { expiresAt } = manifest;
  return { ...summaryMeta(manifest), ...(expiresAt === null ? {} : { [EXPIRES_KEY]: expiresAt }) };
}

/** When a context expires, in milliseconds since 1970; Infinity for never. */
export function expiryMs({ expiresAt }: Manifest): number {
  return expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
}

/** When a stored manifest expires, in milliseconds since 1970; Infinity for never. */
export function expiresAtMs(head: BlobHead): number {
  const at = head.meta[EXPIRES_KEY];
  return at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at);
}

/**
 * The problem of a context without a manifest: `context-gone` if it was removed, else `context-not-found`. While the registry
 * cannot be asked, it is the latter.
 */
export async function missingContext(db: D1Database, id: string, tenant: string): Promise<ProblemError> {
  const gone = await isGone(db, id, tenant).catch((error) => {
    console.warn('registry not available', error instanceof Error ? error.name : typeof error);
    return false;
  });
  return gone
    ? new ProblemError('context-gone', `context ${id} was removed`)
    : new ProblemError('context-not-found', `no published context ${id}`);
}

/** The manifest as a representation. Throws `context-gone` once it has expired. */
export function manifestRepresentation(id: string, head: BlobHead): Representation {
  const leftSeconds = Math.floor((expiresAtMs(head) - Date.now()) / 1000);
  if (leftSeconds < 0) throw new ProblemError('context-gone', `context ${id} has expired`);
  const { freshSeconds, staleWhileRevalidateSeconds, staleIfErrorSeconds } = MANIFEST_POLICY;
  const maxAge = Math.min(freshSeconds, leftSeconds);
  const stale =
    leftSeconds > freshSeconds + staleIfErrorSeconds
      ? `, stale-while-revalidate=${staleWhileRevalidateSeconds}, stale-if-error=${staleIfErrorSeconds}`
      : '';
  return {
    bytes: head.bytes,
    etag: `"${head.sha256}"`,
    modifiedAtMs: head.storedAtMs,
    sha256: head.sha256,
    contentType: 'application/json',
    cacheControl: `public, max-age=${maxAge}${stale}, no-transform`,
  };
}
