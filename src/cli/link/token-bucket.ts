/**
 * A token bucket as pure arithmetic: bytes and clock in, the time at which they have passed out. Pieces queue behind each
 * other. An idle link saves up at most `burstMs` of its rate, which makes up for timers that fire late.
 */
export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #burstMs: number;
  #freeAtMs = Number.NEGATIVE_INFINITY;

  /** @param bitsPerSecond rate of the link */
  constructor(bitsPerSecond: number, burstMs = 2) {
    if (!(bitsPerSecond > 0)) throw new RangeError(`expected a rate above 0, got ${bitsPerSecond}`);
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#burstMs = burstMs;
  }

  /** Puts `bytes` on the link at `nowMs` and returns the time at which they have passed; it may lie in the past. */
  pass(bytes: number, nowMs: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - this.#burstMs) + bytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}
