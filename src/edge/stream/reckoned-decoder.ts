import type { Session } from '../../client/controller/index.ts';

/** The client's decoder as it must be going by what the client said of it: one chunk at a time, as soon as it is there. */
export class ReckonedDecoder {
  readonly #session: Session;
  #work: { chunk: number; level: number; endMs: number } | null = null;
  #freeAtMs = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  runUntil(nowMs: number): void {
    for (;;) {
      if (this.#work !== null) {
        if (this.#work.endMs > nowMs) return;
        this.#session.decoded(this.#work.chunk, this.#work.level);
        this.#work = null;
      }
      const next = this.#session.nextToDecode();
      if (next === null) return;
      const { decodeMs } = this.#session.outline.chunks[next.chunk]!.levels[next.level]!;
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + decodeMs;
      this.#work = { ...next, endMs: this.#freeAtMs };
      this.#session.decoding(nowMs, this.#freeAtMs);
    }
  }
}
