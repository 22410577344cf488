/**
 * Time spent computing for one request, as `Server-Timing` entries. It covers work that runs without a pause (WebAssembly, hashing).
 * workerd's clock runs during such work; on Cloudflare it stands still between requests to the outside, and entries
 * read 0 there: see the CPU time of the platform's own metrics.
 */
export class ServerTiming {
  readonly #entries: { name: string; ms: number }[] = [];

  /** Runs `work` and adds its duration under `name`. */
  measure<T>(name: string, work: () => T): T {
    const startMs = performance.now();
    const done = () => this.#entries.push({ name, ms: performance.now() - startMs });
    try {
      const result = work();
      if (result instanceof Promise) return result.finally(done) as T;
      done();
      return result;
    } catch (error) {
      done();
      throw error;
    }
  }

  /** Adds the header; none if nothing was measured. */
  set(headers: Record<string, string>): void {
    if (this.#entries.length === 0) return;
    const values = this.#entries.map(({ name, ms }) => `${name};dur=${ms.toFixed(2)}`);
    headers['server-timing'] = values.join(', ');
    headers['timing-allow-origin'] = '*';
  }
}
