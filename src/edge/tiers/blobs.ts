import { ProblemError } from '../../protocol/problems.ts';
import type { Drawn } from '../cut-memory.ts';
import type { ByteRange } from '../http/range.ts';
import { errorFields, writeLog } from '../log.ts';
import { type CachedHead, cachedHead, cachedResponse, holds } from './cache-entry.ts';
import { DerivedKeys } from './derived-keys.ts';
import { type BlobHead, storedHead } from './head.ts';
import type { TierOutcome } from './outcome.ts';
import { type BlobPolicy, freshnessOf, IMMUTABLE } from './policy.ts';
import { RecentHeads } from './recent-heads.ts';
import { MAX_RECENT_BYTES, RecentObjects } from './recent-objects.ts';
import { StoreReader } from './store-reader.ts';

export interface OpenedBlob {
  head: BlobHead;
  /** The bytes asked for; null when none were. */
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | null;
  outcome: TierOutcome;
}

/** Chooses the bytes to read, knowing the head; null: none. May throw. */
export type ChooseRange = (head: BlobHead) => ByteRange | null;

export interface DerivedObject {
  head: BlobHead;
  bytes: Uint8Array<ArrayBuffer>;
  /** What making it has drawn; given back when it is sent and kept. */
  memory: Drawn;
}

export interface TierHooks {
  waitUntil: (work: Promise<void>) => void;
  /** Called for every object that was opened; the last call of a request is about its answer. */
  onOutcome: (outcome: TierOutcome) => void;
}

/** A slow client takes a piece now and then. */
const SENT_PIECE_BYTES = 262_144;

const recentHeads = new RecentHeads();
const recentObjects = new RecentObjects();
const derivedKeys = new DerivedKeys();
/** Keys that this isolate is copying into the cache. Only names: a promise must not be shared between requests. */
const filling = new Set<string>();

/**
 * The read path: this isolate's memory (heads, small manifests), this colo's cache, then R2. The cache holds whole objects, each
 * once, and every part is a range of it. Bodies are streams from end to end; a miss reads just its range from R2 for the
 * client, and copies the object into the cache by a read of its own, so that a slow client never makes the Worker
 * hold bytes (docs/optimization-notes.md, "Edge", has the measurement against one read that is split).
 */
export class BlobTiers {
  readonly #store: StoreReader;
  readonly #cache: Cache;
  readonly #requestUrl: string;
  readonly #hooks: TierHooks;

  constructor(bucket: R2Bucket, cache: Cache, requestUrl: string, hooks: TierHooks) {
    this.#store = new StoreReader(bucket);
    this.#cache = cache;
    this.#requestUrl = requestUrl;
    this.#hooks = hooks;
  }

  /** Opens the object, or gives null if it is not stored. Throws `store-unreachable` if only R2 could tell, and fails. */
  async open(key: string, policy: BlobPolicy, choose: ChooseRange): Promise<OpenedBlob | null> {
    const opened = policy.immutable
      ? await this.#openImmutable(key, choose)
      : await this.#openMutable(key, policy, choose);
    if (opened !== null) this.#hooks.onOutcome(opened.outcome);
    return opened;
  }

  /** The head alone. */
  async head(key: string, policy: BlobPolicy): Promise<BlobHead | null> {
    return (await this.open(key, policy, () => null))?.head ?? null;
  }

  /**
   * Opens an object that is computed from a stored one and kept in this colo's cache only. `name` and the key of that source
   * say all that it depends on; it is evicted with the source.
   */
  async openDerived(
    source: string,
    name: string,
    choose: ChooseRange,
    make: () => Promise<DerivedObject>,
  ): Promise<OpenedBlob> {
    const key = `derived/${source}/${name}`;
    derivedKeys.add(source, key);
    let opened = await this.#openCopy(key, choose);
    if (opened === null) {
      opened = this.#openMade(key, choose, await make());
    }
    this.#hooks.onOutcome(opened.outcome);
    return opened;
  }

  /** A derived object that was just made: sent to the client while it is put into the cache. */
  #openMade(key: string, choose: ChooseRange, { head, bytes, memory }: DerivedObject): OpenedBlob {
    const cached = { head, cachedAtMs: Date.now() };
    recentHeads.set(key, cached);
    let range: ByteRange | null;
    try {
      range = choose(head);
    } catch (error) {
      memory.giveBack();
      throw error;
    }
    const sending = range === null ? null : sendPieces(part(bytes, range), memory.renew);
    let keeping: Promise<void> | undefined;
    const started = this.#inBackground(key, () => {
      keeping = this.#keep(key, cached, bytes, IMMUTABLE);
      return keeping;
    });
    this.#hooks.waitUntil(Promise.allSettled([sending?.sent, keeping]).then(memory.giveBack));
    return { head, body: sending?.body ?? null, outcome: forwarded('uri-miss', started) };
  }

  /**
   * Forgets what this isolate and this colo hold under a key, and what this isolate saw computed from it. What others computed
   * is not served any more either, as its source is looked for first.
   */
  async evict(key: string): Promise<void> {
    recentObjects.delete(key);
    for (const gone of [key, ...derivedKeys.take(key)]) {
      recentHeads.delete(gone);
      await this.#cache.delete(this.#cacheUrl(gone));
    }
  }

  async #openImmutable(key: string, choose: ChooseRange): Promise<OpenedBlob | null> {
    const copy = await this.#openCopy(key, choose);
    if (copy !== null) return copy;
    const remembered = recentHeads.get(key);
    if (remembered !== undefined) {
      const opened = await this.#openStored(key, IMMUTABLE, remembered.head, choose, 'uri-miss');
      if (opened !== null) return opened;
      recentHeads.delete(key);
    }
    const head = await this.#store.head(key);
    if (head === null) return null;
    recentHeads.set(key, { head, cachedAtMs: Date.now() });
    return this.#openStored(key, IMMUTABLE, head, choose, 'uri-miss');
  }

  /** An immutable object from memory or cache; null if neither has what is asked for. */
  async #openCopy(key: string, choose: ChooseRange): Promise<OpenedBlob | null> {
    let cached = recentHeads.get(key);
    if (cached === undefined) {
      const response = await this.#cache.match(this.#cacheUrl(key));
      cached = (response === undefined ? null : cachedHead(response)) ?? undefined;
      if (response === undefined || cached === undefined) return null;
      recentHeads.set(key, cached);
      return this.#fromEntry(key, response, cached, choose, hit('cache', cached, IMMUTABLE));
    }
    const outcome = hit('memory', cached, IMMUTABLE);
    const range = choose(cached.head);
    if (range === null) return { head: cached.head, body: null, outcome };
    return this.#fromCache(key, cached.head, range, { ...outcome, tier: 'cache' });
  }

  async #openMutable(key: string, policy: BlobPolicy, choose: ChooseRange): Promise<OpenedBlob | null> {
    const recent = recentObjects.get(key);
    if (recent !== undefined && freshnessOf(ageSeconds(recent), policy) === 'fresh') {
      return fromBytes(recent.bytes, recent, choose, hit('memory', recent, policy));
    }
    const response = await this.#cache.match(this.#cacheUrl(key));
    const cached = response === undefined ? null : cachedHead(response);
    const freshness = cached === null ? 'expired' : freshnessOf(ageSeconds(cached), policy);
    if (response === undefined || cached === null || freshness === 'expired') {
      await response?.body?.cancel();
      return this.#lookUp(key, policy, choose, 'uri-miss');
    }
    const outcome = hit('cache', cached, policy);
    if (freshness === 'revalidate') {
      outcome.stale = 'while-revalidate';
      this.#inBackground(key, () => this.#fill(key, policy));
    }
    if (freshness === 'stale') {
      try {
        const opened = await this.#lookUp(key, policy, choose, 'stale');
        await response.body?.cancel();
        return opened;
      } catch (error) {
        if (!(error instanceof ProblemError && error.code === 'store-unreachable')) {
          await response.body?.cancel();
          throw error;
        }
        Object.assign(outcome, { stale: 'if-error', forward: 'stale' });
      }
    }
    if (cached.head.bytes > MAX_RECENT_BYTES) return this.#fromEntry(key, response, cached, choose, outcome);
    const bytes = new Uint8Array(await response.arrayBuffer());
    recentObjects.set(key, { ...cached, bytes });
    return fromBytes(bytes, cached, choose, outcome);
  }

  /** What is asked for of a cache entry that was just matched. */
  async #fromEntry(
    key: string,
    response: Response,
    cached: CachedHead,
    choose: ChooseRange,
    outcome: TierOutcome,
  ): Promise<OpenedBlob | null> {
    const { head } = cached;
    let range: ByteRange | null = null;
    try {
      range = choose(head);
      if (range?.length === head.bytes) return { head, body: response.body, outcome };
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    await response.body?.cancel();
    return range === null ? { head, body: null, outcome } : this.#fromCache(key, head, range, outcome);
  }

  /** Asks R2 for a mutable object; what is gone there is dropped here. */
  async #lookUp(
    key: string,
    policy: BlobPolicy,
    choose: ChooseRange,
    why: 'uri-miss' | 'stale',
  ): Promise<OpenedBlob | null> {
    const head = await this.#store.head(key);
    const opened = head === null ? null : await this.#openStored(key, policy, head, choose, why);
    if (opened === null && why === 'stale') await this.evict(key);
    return opened;
  }

  /** A part of the cached object; null if it is not there, or is not that of `head`. */
  async #fromCache(
    key: string,
    head: BlobHead,
    range: ByteRange,
    outcome: TierOutcome,
  ): Promise<OpenedBlob | null> {
    const last = range.offset + range.length - 1;
    const whole = range.length === head.bytes;
    const url = this.#cacheUrl(key);
    const response = await this.#cache.match(
      whole ? url : new Request(url, { headers: { range: `bytes=${range.offset}-${last}` } }),
    );
    if (response === undefined) return null;
    const fits = whole
      ? response.status === 200
      : response.status === 206 &&
        response.headers.get('content-range') === `bytes ${range.offset}-${last}/${head.bytes}`;
    if (!fits || !holds(response, head)) {
      await response.body?.cancel();
      return null;
    }
    return { head, body: response.body, outcome };
  }

  /** A part of the stored object; null if it is gone, or is not what `head` says. Starts a fill of the cache. */
  async #openStored(
    key: string,
    policy: BlobPolicy,
    head: BlobHead,
    choose: ChooseRange,
    why: 'uri-miss' | 'stale',
  ): Promise<OpenedBlob | null> {
    const range = choose(head);
    if (range === null) return { head, body: null, outcome: { ...forwarded(why, true), fill: null } };
    const body = await this.#store.part(key, head, range);
    if (body === null) return null;
    const started = this.#inBackground(key, () => this.#fill(key, policy));
    return { head, body, outcome: forwarded(why, started) };
  }

  /** Runs one piece of work per key and isolate after the answer; false if one is under way. */
  #inBackground(key: string, work: () => Promise<void>): boolean {
    if (filling.has(key)) return false;
    filling.add(key);
    this.#hooks.waitUntil(
      work()
        .catch((error) => {
          // The client has its bytes; the next miss tries again.
          writeLog('warn', 'cache fill failed', { key, ...errorFields(error) });
        })
        .finally(() => filling.delete(key)),
    );
    return true;
  }

  /** Copies the object from R2 into the cache, or drops from the cache what R2 no longer has. */
  async #fill(key: string, policy: BlobPolicy): Promise<void> {
    const object = await this.#store.whole(key);
    if (object === null) return this.evict(key);
    await this.#keep(key, { head: storedHead(object), cachedAtMs: Date.now() }, object.body, policy);
  }

  async #keep(key: string, cached: CachedHead, body: BodyInit, policy: BlobPolicy): Promise<void> {
    await this.#cache.put(this.#cacheUrl(key), cachedResponse(cached, body, policy));
  }

  #cacheUrl(key: string): string {
    const origin = this.#requestUrl.slice(0, this.#requestUrl.indexOf('/', 'https://'.length));
    return `${origin}/.cache/${key}`;
  }
}

function ageSeconds({ cachedAtMs }: CachedHead): number {
  return Math.max(0, Math.floor((Date.now() - cachedAtMs) / 1000));
}

function hit(tier: 'memory' | 'cache', cached: CachedHead, policy: BlobPolicy): TierOutcome {
  const age = ageSeconds(cached);
  const ttlSeconds = policy.immutable ? null : policy.freshSeconds - age;
  return { tier, forward: null, fill: null, stale: null, ageSeconds: age, ttlSeconds };
}

function forwarded(why: 'uri-miss' | 'stale', started: boolean): TierOutcome {
  const fill = started ? 'stored' : 'underway';
  return { tier: 'store', forward: why, fill, stale: null, ageSeconds: 0, ttlSeconds: null };
}

function part(bytes: Uint8Array<ArrayBuffer>, { offset, length }: ByteRange): Uint8Array<ArrayBuffer> {
  return length === bytes.length ? bytes : bytes.subarray(offset, offset + length);
}

/** Bytes as a body that tells when it has been read, or given up: `sent`. `onPiece` is called whenever a piece of it was. */
function sendPieces(
  bytes: Uint8Array<ArrayBuffer>,
  onPiece: () => void,
): { body: ReadableStream<Uint8Array>; sent: Promise<void> } {
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const send = async () => {
    const writer = writable.getWriter();
    for (let at = 0; at < bytes.length; at += SENT_PIECE_BYTES) {
      await writer.write(bytes.subarray(at, at + SENT_PIECE_BYTES));
      onPiece();
    }
    await writer.close();
  };
  return { body: readable, sent: send() };
}

function fromBytes(
  bytes: Uint8Array<ArrayBuffer>,
  { head }: CachedHead,
  choose: ChooseRange,
  outcome: TierOutcome,
): OpenedBlob {
  const range = choose(head);
  return { head, body: range === null ? null : part(bytes, range), outcome };
}
