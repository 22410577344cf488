import { pieceAt, type Trace } from './trace.ts';

/** Ten packets (RFC 6928): what a server sends before the first acknowledgement. */
const INITIAL_WINDOW_BYTES = 14_600;
/** No slow start lasts longer than so many doublings. */
const DOUBLINGS = 24;

/**
 * Slow start as a cap on the rate of one connection: the window doubles with every round trip. `sinceMs` counts from the
 * connection's first byte. Also tells when the cap changes next.
 */
export function slowStartCap(roundTripMs: number, sinceMs: number): { bytesPerMs: number; untilMs: number } {
  const trips = Math.max(0, Math.floor(sinceMs / roundTripMs + 1e-9));
  if (trips >= DOUBLINGS) return { bytesPerMs: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
  return {
    bytesPerMs: (INITIAL_WINDOW_BYTES / roundTripMs) * 2 ** trips,
    untilMs: (trips + 1) * roundTripMs,
  };
}

/** A time that is a sum can lie this much before the corner it stands for. */
const ROUNDING_MS = 1e-6;

/** When the link's rate changes next after `timeMs`. */
export function nextChange(trace: Trace, timeMs: number): number {
  const piece = pieceAt(trace, timeMs);
  const turn = Math.floor(timeMs / trace.lengthMs) * trace.lengthMs;
  const nextMs = turn + (trace.atMs[piece + 1] ?? trace.lengthMs);
  return nextMs > timeMs ? nextMs : nextChange(trace, timeMs + ROUNDING_MS);
}

/** Most bytes that one connection can receive from a request at time 0 until each time, as a rising line of corners. */
export class Capacity {
  readonly #trace: Trace;
  readonly #timesMs = [0];
  readonly #bytes = [0];

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#timesMs.push(trace.roundTripMs);
    this.#bytes.push(0);
  }

  /** Bytes here at `timeMs`. */
  at(timeMs: number): number {
    while (this.#timesMs.at(-1)! < timeMs) this.#extend();
    let i = this.#timesMs.length - 1;
    while (this.#timesMs[i]! > timeMs) i -= 1;
    const next = i + 1;
    if (next === this.#timesMs.length) return this.#bytes[i]!;
    const share = (timeMs - this.#timesMs[i]!) / (this.#timesMs[next]! - this.#timesMs[i]!);
    return this.#bytes[i]! + share * (this.#bytes[next]! - this.#bytes[i]!);
  }

  /** The earliest time at which so many bytes are here. */
  until(bytes: number): number {
    while (this.#bytes.at(-1)! < bytes) this.#extend();
    const i = this.#bytes.findIndex((reached) => reached >= bytes);
    if (i <= 0) return 0;
    const share = (bytes - this.#bytes[i - 1]!) / (this.#bytes[i]! - this.#bytes[i - 1]!);
    return this.#timesMs[i - 1]! + share * (this.#timesMs[i]! - this.#timesMs[i - 1]!);
  }

  #extend(): void {
    const fromMs = this.#timesMs.at(-1)!;
    const { roundTripMs } = this.#trace;
    const cap = slowStartCap(roundTripMs, fromMs - roundTripMs);
    const toMs = Math.min(nextChange(this.#trace, fromMs), roundTripMs + cap.untilMs);
    const rate = Math.min(cap.bytesPerMs, this.#trace.bytesPerMs[pieceAt(this.#trace, fromMs)]!);
    this.#timesMs.push(toMs);
    this.#bytes.push(this.#bytes.at(-1)! + rate * (toMs - fromMs));
  }
}

export function timeToDeliver(trace: Trace, bytes: number): number {
  return new Capacity(trace).until(bytes);
}
