import type { View } from './model.ts';

/** Bytes still to come until a chunk has a level. */
export function missingBytes(view: View, chunk: number, level: number): number {
  return Math.max(0, view.outline.chunks[chunk]!.levels[level]!.bytes - view.progress[chunk]!.receivedBytes);
}

/**
 * When the first token can come if chunks 0..kvChunks-1 are used at `levels` and the others as text, and the link keeps
 * its rate. Three stages overlap and each works on one thing at a time:
 *
 *     fetch   token ids, then what is missing of the coarsest level of every chunk, then of the next level, and so on
 *     decode  each chunk once, when all of its planned bytes are here (nothing, if that level is decoded already)
 *     engine  loads all KV at once (an engine such as llama.cpp replaces a whole sequence), then evaluates the text
 *
 * A token is evaluated against the KV of every token before it, so the text waits for the KV. While a standby evaluates text
 * the processor is its own: decoding waits until everything is here and the standby has stopped.
 */
export function finishMs(
  view: View,
  bytesPerMs: number,
  kvChunks: number,
  levels: ArrayLike<number>,
): number {
  return new Pipeline(view).finishMs(view, bytesPerMs, kvChunks, levels);
}

/** What `finishMs` needs of every chunk and level, looked up once for the many plans that are tried at one moment. */
export class Pipeline {
  /** Row by row, a row per chunk. */
  readonly #missing: Float64Array;
  readonly #decodeMs: Float64Array;
  readonly #decodedLevel: Int32Array;
  readonly #rowLength: number;

  constructor({ outline, progress }: View) {
    const { chunks } = outline;
    let rowLength = 0;
    for (const { levels } of chunks) rowLength = Math.max(rowLength, levels.length);
    this.#rowLength = rowLength;
    this.#missing = new Float64Array(chunks.length * rowLength);
    this.#decodeMs = new Float64Array(chunks.length * rowLength);
    this.#decodedLevel = new Int32Array(chunks.length);
    for (let chunk = 0; chunk < chunks.length; chunk++) {
      const { receivedBytes, decodedLevel } = progress[chunk]!;
      this.#decodedLevel[chunk] = decodedLevel;
      const { levels } = chunks[chunk]!;
      for (let level = 0; level < levels.length; level++) {
        const at = chunk * rowLength + level;
        this.#missing[at] = Math.max(0, levels[level]!.bytes - receivedBytes);
        this.#decodeMs[at] = levels[level]!.decodeMs;
      }
    }
  }

  /** As the function above; of the view it is made from, only times and the standby may have changed. */
  finishMs(view: View, bytesPerMs: number, kvChunks: number, levels: ArrayLike<number>): number {
    const { outline, standby, nowMs } = view;
    const startMs = nowMs + (view.idle ? view.roundTripMs : 0);
    let arrivedMs = nowMs;
    let decodedMs = Math.max(nowMs, view.decoderFreeAtMs);
    let decodeMs = 0;
    let bytes = view.tokenBytesMissing;
    if (bytes > 0) arrivedMs = startMs + bytes / bytesPerMs;
    let finest = 0;
    for (let i = 0; i < kvChunks; i++) {
      const level = levels[i]!;
      if (level > finest) finest = level;
      const at = i * this.#rowLength + level;
      if (level === this.#decodedLevel[i] || this.#missing[at]! > 0) continue;
      decodedMs += this.#decodeMs[at]!;
      decodeMs += this.#decodeMs[at]!;
    }
    for (let pass = 0; pass <= finest; pass++) {
      for (let i = 0, at = pass; i < kvChunks; i++, at += this.#rowLength) {
        const level = levels[i]!;
        if (level < pass) continue;
        const missing = this.#missing[at]!;
        if (missing === 0) continue;
        bytes += pass === 0 ? missing : missing - this.#missing[at - 1]!;
        if (level > pass) continue;
        arrivedMs = startMs + bytes / bytesPerMs;
        decodedMs = Math.max(decodedMs, arrivedMs) + this.#decodeMs[at]!;
        decodeMs += this.#decodeMs[at]!;
      }
    }
    const readyMs = standby === null ? Math.max(arrivedMs, decodedMs) : arrivedMs + outline.stopMs + decodeMs;
    return readyMs + outline.loadMs[kvChunks]! + outline.prefillMs[kvChunks]!;
  }
}
