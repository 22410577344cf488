/** Lets requests to one object wait for the next thing that happens in it. */
export class Changes {
  #next = Promise.withResolvers<void>();

  announce(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }

  /** Resolves with the next announcement, or after `timeoutMs` with false. */
  async next(timeoutMs: number): Promise<boolean> {
    let timer: number | null = null;
    const quiet = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    try {
      return await Promise.race([this.#next.promise.then(() => true), quiet]);
    } finally {
      clearTimeout(timer);
    }
  }
}
