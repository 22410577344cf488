/** From `atMs` on a link has this rate; 0 is an outage. */
export interface RateStep {
  atMs: number;
  bitsPerSecond: number;
}

/**
 * A token bucket as pure arithmetic: bytes and clock in, the time at which they have passed out. Pieces queue behind each
 * other. An idle link saves up at most `burstMs` of its rate, which makes up for timers that fire late.
 */
export class TokenBucket {
  readonly #steps: readonly { fromMs: number; bytesPerMs: number }[];
  readonly #burstMs: number;
  #freeAtMs = Number.NEGATIVE_INFINITY;

  /**
   * @param rate of the link: bits per second, or how they change over time; the last step lasts
   * Throws `RangeError` on a rate that lets nothing pass for ever, and on steps out of order.
   */
  constructor(rate: number | readonly RateStep[], burstMs = 2) {
    const steps = typeof rate === 'number' ? [{ atMs: 0, bitsPerSecond: rate }] : rate;
    for (const [i, { atMs, bitsPerSecond }] of steps.entries()) {
      const isLast = i === steps.length - 1;
      if (!(bitsPerSecond > 0 || (bitsPerSecond === 0 && !isLast)))
        throw new RangeError(`expected a rate above 0, got ${bitsPerSecond}`);
      if (i > 0 && !(atMs > steps[i - 1]!.atMs)) throw new RangeError(`a step at ${atMs} ms is out of order`);
    }
    if (steps.length === 0) throw new RangeError('expected a rate, got no step');
    this.#steps = steps.map(({ atMs, bitsPerSecond }, i) => ({
      fromMs: i === 0 ? Number.NEGATIVE_INFINITY : atMs,
      bytesPerMs: bitsPerSecond / 8000,
    }));
    this.#burstMs = burstMs;
  }

  /** Puts `bytes` on the link at `nowMs` and returns the time at which they have passed; it may lie in the past. */
  pass(bytes: number, nowMs: number): number {
    let atMs = Math.max(this.#freeAtMs, nowMs - this.#burstMs);
    let left = bytes;
    for (let i = this.#stepAt(atMs); ; i++) {
      const { bytesPerMs } = this.#steps[i]!;
      const untilMs = this.#steps[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      const passes = bytesPerMs === 0 ? 0 : bytesPerMs * (untilMs - atMs);
      if (passes >= left) {
        this.#freeAtMs = atMs + left / bytesPerMs;
        return this.#freeAtMs;
      }
      left -= passes;
      atMs = untilMs;
    }
  }

  #stepAt(ms: number): number {
    return this.#steps.findLastIndex(({ fromMs }) => fromMs <= ms);
  }
}
