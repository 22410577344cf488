import type { CachedHead } from './cache-entry.ts';

/** Larger ones are streamed from the cache like any body. */
export const MAX_RECENT_BYTES = 65_536;
const MAX_TOTAL_BYTES = 4 * 1024 * 1024;
/** Short: an object that is replaced or deleted through another isolate stays visible here for this long. */
const MAX_AGE_MS = 5_000;

export interface RecentObject extends CachedHead {
  bytes: Uint8Array<ArrayBuffer>;
}

/** Small objects as this isolate last read them from the cache: a popular manifest costs no request at all. */
export class RecentObjects {
  readonly #entries = new Map<string, { object: RecentObject; expiresAtMs: number }>();
  #totalBytes = 0;

  get(key: string): RecentObject | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.expiresAtMs > Date.now()) return entry?.object;
    this.delete(key);
    return undefined;
  }

  set(key: string, object: RecentObject): void {
    this.delete(key);
    if (object.bytes.length > MAX_RECENT_BYTES) return;
    this.#entries.set(key, { object, expiresAtMs: Date.now() + MAX_AGE_MS });
    this.#totalBytes += object.bytes.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#totalBytes <= MAX_TOTAL_BYTES) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#totalBytes -= this.#entries.get(key)?.object.bytes.length ?? 0;
    this.#entries.delete(key);
  }
}
