import { toHex } from '../../protocol/ids.ts';
import type { ByteRange } from '../http/range.ts';
import { errorFields, writeLog } from '../log.ts';
import { cachedHead, cachedResponse } from './cache-entry.ts';
import { RecentHeads } from './recent-heads.ts';

/** What the tiers know of a stored object without its bytes. */
export interface BlobHead {
  bytes: number;
  /** SHA-256 of the whole object, hexadecimal. */
  sha256: string;
  /** As given to R2 when the object was stored. */
  meta: Record<string, string>;
}

export interface BlobPolicy {
  /** How long this colo's cache may keep the object. */
  cacheSeconds: number;
  /** True if the object under a key never changes: its head may then be remembered. */
  immutable: boolean;
}

export const IMMUTABLE: BlobPolicy = { cacheSeconds: 31_536_000, immutable: true };

export interface OpenedBlob {
  head: BlobHead;
  /** The bytes asked for; null when none were. */
  body: ReadableStream<Uint8Array> | null;
  /** Value of `Cache-Status` (RFC 9211). */
  cacheStatus: string;
}

/** Chooses the bytes to read, knowing the head; null: none. May throw. */
export type ChooseRange = (head: BlobHead) => ByteRange | null;

const HIT = 'kvedge; hit';
const MISS = 'kvedge; fwd=uri-miss';

const recentHeads = new RecentHeads();
/** Keys that this isolate is copying into the cache. Only names: a promise must not be shared between requests. */
const filling = new Set<string>();

/**
 * The read path: this colo's cache, then R2. The cache holds whole objects, each once, and every part is a range of it.
 * Bodies are streams from end to end; a miss reads just its range from R2 for the client, and copies the object
 * into the cache by a read of its own, so that a slow client never makes the Worker hold bytes.
 */
export class BlobTiers {
  readonly #bucket: R2Bucket;
  readonly #cache: Cache;
  readonly #origin: string;
  readonly #waitUntil: (work: Promise<void>) => void;

  constructor(bucket: R2Bucket, cache: Cache, requestUrl: string, waitUntil: (work: Promise<void>) => void) {
    this.#bucket = bucket;
    this.#cache = cache;
    this.#origin = new URL(requestUrl).origin;
    this.#waitUntil = waitUntil;
  }

  /** Opens the object, or gives null if it is not stored. */
  async open(key: string, policy: BlobPolicy, choose: ChooseRange): Promise<OpenedBlob | null> {
    const remembered = policy.immutable ? recentHeads.get(key) : undefined;
    if (remembered !== undefined) {
      const range = choose(remembered);
      if (range === null) return { head: remembered, body: null, cacheStatus: HIT };
      const opened =
        (await this.#fromCache(key, remembered, range)) ??
        (await this.#fromBucket(key, policy, remembered, range));
      if (opened !== null) return opened;
      recentHeads.delete(key);
    }
    return (await this.#openCached(key, policy, choose)) ?? (await this.#openStored(key, policy, choose));
  }

  /** The head alone. */
  async head(key: string, policy: BlobPolicy): Promise<BlobHead | null> {
    return (await this.open(key, policy, () => null))?.head ?? null;
  }

  /** Forgets what this isolate and this colo hold under a key. */
  async evict(key: string): Promise<void> {
    recentHeads.delete(key);
    await this.#cache.delete(this.#cacheUrl(key));
  }

  async #openCached(key: string, policy: BlobPolicy, choose: ChooseRange): Promise<OpenedBlob | null> {
    const response = await this.#cache.match(this.#cacheUrl(key));
    const head = response === undefined ? null : cachedHead(response);
    if (response === undefined || head === null) return null;
    if (policy.immutable) recentHeads.set(key, head);
    const range = choose(head);
    if (range !== null && range.length === head.bytes) {
      return { head, body: response.body, cacheStatus: HIT };
    }
    await response.body?.cancel();
    if (range === null) return { head, body: null, cacheStatus: HIT };
    return (await this.#fromCache(key, head, range)) ?? this.#fromBucket(key, policy, head, range);
  }

  async #openStored(key: string, policy: BlobPolicy, choose: ChooseRange): Promise<OpenedBlob | null> {
    const object = await this.#bucket.head(key);
    if (object === null) return null;
    const head = storedHead(object);
    if (policy.immutable) recentHeads.set(key, head);
    const range = choose(head);
    if (range === null) return { head, body: null, cacheStatus: MISS };
    return this.#fromBucket(key, policy, head, range);
  }

  /** A part of the cached object; null if it is not there, or is not what `head` says. */
  async #fromCache(key: string, head: BlobHead, range: ByteRange): Promise<OpenedBlob | null> {
    const last = range.offset + range.length - 1;
    const whole = range.length === head.bytes;
    const headers: HeadersInit = whole ? {} : { range: `bytes=${range.offset}-${last}` };
    const response = await this.#cache.match(new Request(this.#cacheUrl(key), { headers }));
    if (response === undefined) return null;
    const fits = whole
      ? response.status === 200
      : response.status === 206 &&
        response.headers.get('content-range') === `bytes ${range.offset}-${last}/${head.bytes}`;
    if (!fits || cachedHead(response)?.sha256 !== head.sha256) {
      await response.body?.cancel();
      return null;
    }
    return { head, body: response.body, cacheStatus: HIT };
  }

  /** A part of the stored object; null if it is gone, or is not what `head` says. Starts a fill of the cache. */
  async #fromBucket(
    key: string,
    policy: BlobPolicy,
    head: BlobHead,
    range: ByteRange,
  ): Promise<OpenedBlob | null> {
    const object = await this.#bucket.get(key, { range });
    if (object === null) return null;
    if (storedHead(object).sha256 !== head.sha256) {
      await object.body.cancel();
      return null;
    }
    const started = !filling.has(key);
    if (started) this.#waitUntil(this.#fill(key, policy));
    return { head, body: object.body, cacheStatus: started ? `${MISS}; stored` : MISS };
  }

  async #fill(key: string, policy: BlobPolicy): Promise<void> {
    filling.add(key);
    try {
      const object = await this.#bucket.get(key);
      if (object === null) return;
      await this.#cache.put(
        this.#cacheUrl(key),
        cachedResponse(storedHead(object), object.body, policy.cacheSeconds),
      );
    } catch (error) {
      // The client has its bytes; the next miss tries again.
      writeLog('warn', 'cache fill failed', { key, ...errorFields(error) });
    } finally {
      filling.delete(key);
    }
  }

  #cacheUrl(key: string): string {
    return `${this.#origin}/.cache/${key}`;
  }
}

/** The head of an object in R2. Every object is stored with its SHA-256. */
export function storedHead(object: R2Object): BlobHead {
  const { sha256 } = object.checksums;
  if (sha256 === undefined) throw new Error(`${object.key} is stored without a SHA-256`);
  return { bytes: object.size, sha256: toHex(new Uint8Array(sha256)), meta: object.customMetadata ?? {} };
}
