import { BoundedMap } from '../bounded-map.ts';
import type { CachedHead } from './cache-entry.ts';

const MAX_ENTRIES = 2_000;
const MAX_AGE_MS = 60_000;

/**
 * Heads of immutable objects that this isolate saw lately: they spare a level request its look at the header. Readers
 * compare digests when they open the object, so an entry that is out of date costs one more look and nothing else.
 */
export class RecentHeads {
  readonly #entries = new BoundedMap<string, { cached: CachedHead; expiresAtMs: number }>(MAX_ENTRIES);

  get(key: string): CachedHead | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAtMs <= Date.now()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry.cached;
  }

  set(key: string, cached: CachedHead): void {
    this.#entries.set(key, { cached, expiresAtMs: Date.now() + MAX_AGE_MS });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
