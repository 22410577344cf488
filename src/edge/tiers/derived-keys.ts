const MAX_SOURCES = 2_000;

/** Which objects this isolate has seen that are computed from another, so that they can go with it. */
export class DerivedKeys {
  readonly #bySource = new Map<string, Set<string>>();

  add(source: string, key: string): void {
    const known = this.#bySource.get(source) ?? new Set<string>();
    this.#bySource.delete(source);
    if (this.#bySource.size >= MAX_SOURCES) {
      const oldest = this.#bySource.keys().next();
      if (!oldest.done) this.#bySource.delete(oldest.value);
    }
    this.#bySource.set(source, known.add(key));
  }

  /** Those of a source, which are forgotten. */
  take(source: string): string[] {
    const known = this.#bySource.get(source);
    this.#bySource.delete(source);
    return [...(known ?? [])];
  }
}
