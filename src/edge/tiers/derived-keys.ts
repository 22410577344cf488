import { BoundedMap } from '../bounded-map.ts';

const MAX_SOURCES = 2_000;
/** A client can ask for more cuts of one chunk than are worth knowing. Others stay in the cache and go when it wants. */
const MAX_KEYS_PER_SOURCE = 64;

/** Which objects this isolate has seen lately that are computed from another, so that they can go with it. */
export class DerivedKeys {
  readonly #bySource = new BoundedMap<string, BoundedMap<string, true>>(MAX_SOURCES);

  add(source: string, key: string): void {
    const known = this.#bySource.get(source) ?? new BoundedMap(MAX_KEYS_PER_SOURCE);
    this.#bySource.set(source, known.set(key, true));
  }

  /** Those of a source, which are forgotten. */
  take(source: string): string[] {
    const known = this.#bySource.get(source);
    this.#bySource.delete(source);
    return [...(known?.keys() ?? [])];
  }
}
