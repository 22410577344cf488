/**
 * Time as the client sees it. What was written may still lie in buffers on the way; a client that said how fast its link is gets its
 * bytes no faster than that, so its clock is ahead of ours by what is still travelling.
 */
export class ClientClock {
  readonly #startMs = performance.now();
  readonly #bytesPerMs: number;
  #arrivedMs: number;

  /** @param bytesPerMs of the client's link; Infinity if it is not known */
  constructor(bytesPerMs: number, roundTripMs: number) {
    this.#bytesPerMs = bytesPerMs;
    this.#arrivedMs = roundTripMs;
  }

  nowMs(): number {
    return Math.max(performance.now() - this.#startMs, this.#arrivedMs);
  }

  /** `bytes` are being written that set out at `sentMs`: they have arrived when its link has carried them. */
  wrote(bytes: number, sentMs: number): number {
    this.#arrivedMs = Math.max(this.#arrivedMs, sentMs + bytes / this.#bytesPerMs);
    return this.nowMs();
  }

  /** Nothing is on the way: lets time pass. */
  skipTo(ms: number): void {
    this.#arrivedMs = Math.max(this.#arrivedMs, ms);
  }
}
