/** Shorter round trips are taken together: a rate over less time than this means nothing. */
const TRIP_MIN_MS = 5;
/**
 * A connection starts slowly: its window doubles with every round trip. It is taken to do so as long as each trip brought this
 * much more than the one before, and no longer than so many trips.
 */
const GROWTH = 1.4;
const MAX_TRIPS = 12;

/** Follows slow start (RFC 5681, section 3.1) by what each round trip brought, and says what the next ones may bring. */
export class StartUp {
  readonly #tripLengthMs: number;
  readonly #maxMs: number;
  #tripMs = 0;
  #tripBytes = 0;
  #lastTripBytesPerMs = 0;
  #passedMs = 0;
  #isGrowing = true;

  constructor(roundTripMs: number) {
    this.#tripLengthMs = Math.max(TRIP_MIN_MS, roundTripMs);
    this.#maxMs = MAX_TRIPS * roundTripMs;
  }

  get isGrowing(): boolean {
    return this.#isGrowing;
  }

  /** Bytes per millisecond of the last round trip, or of the current one if that is faster; 0: nothing came yet. */
  get bytesPerMs(): number {
    const current = this.#tripMs >= TRIP_MIN_MS ? this.#tripBytes / this.#tripMs : 0;
    return Math.max(this.#lastTripBytesPerMs, current);
  }

  /** True when a round trip is complete that was faster than the one before: what came until then says nothing any more. */
  observe(bytes: number, busyMs: number): boolean {
    if (!this.#isGrowing) return false;
    this.#tripMs += busyMs;
    this.#tripBytes += bytes;
    this.#passedMs += busyMs;
    if (this.#tripMs < this.#tripLengthMs) return false;
    const bytesPerMs = this.#tripBytes / this.#tripMs;
    this.#isGrowing = bytesPerMs > GROWTH * this.#lastTripBytesPerMs && this.#passedMs < this.#maxMs;
    this.#lastTripBytesPerMs = bytesPerMs;
    this.#tripMs = 0;
    this.#tripBytes = 0;
    return this.#isGrowing;
  }

  /** Mean over the next `horizonMs` if the rate doubles with every round trip until it reaches `limitBytesPerMs`. */
  meanOver(horizonMs: number, limitBytesPerMs: number): number {
    let rate = this.bytesPerMs;
    if (rate === 0) return limitBytesPerMs;
    let bytes = 0;
    let leftMs = horizonMs;
    let stepMs = Math.max(TRIP_MIN_MS, this.#tripLengthMs - this.#tripMs);
    while (rate < limitBytesPerMs && leftMs > stepMs) {
      bytes += rate * stepMs;
      leftMs -= stepMs;
      stepMs = this.#tripLengthMs;
      rate *= 2;
    }
    return (bytes + Math.min(rate, limitBytesPerMs) * leftMs) / horizonMs;
  }
}
