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
  const { outline, progress, standby, tokenBytesMissing } = view;
  const startMs = view.nowMs + (view.idle ? view.roundTripMs : 0);
  let arrivedMs = view.nowMs;
  let decodedMs = Math.max(view.nowMs, view.decoderFreeAtMs);
  let decodeMs = 0;
  let bytes = tokenBytesMissing;
  const arrive = (more: number, chunk: number, level: number) => {
    bytes += more;
    const ms = outline.chunks[chunk]!.levels[level]!.decodeMs;
    arrivedMs = startMs + bytes / bytesPerMs;
    decodedMs = Math.max(decodedMs, arrivedMs) + ms;
    decodeMs += ms;
  };
  if (bytes > 0) arrivedMs = startMs + bytes / bytesPerMs;
  for (let i = 0; i < kvChunks; i++) {
    const level = levels[i]!;
    if (level === progress[i]!.decodedLevel || missingBytes(view, i, level) > 0) continue;
    const ms = outline.chunks[i]!.levels[level]!.decodeMs;
    decodedMs += ms;
    decodeMs += ms;
  }
  for (let pass = 0, finest = 0; pass <= finest; pass++) {
    for (let i = 0; i < kvChunks; i++) {
      const level = levels[i]!;
      if (level < pass) continue;
      if (level > finest) finest = level;
      const missing = missingBytes(view, i, pass);
      if (missing === 0) continue;
      const more = pass === 0 ? missing : missing - missingBytes(view, i, pass - 1);
      if (level === pass) arrive(more, i, level);
      else bytes += more;
    }
  }
  const readyMs = standby === null ? Math.max(arrivedMs, decodedMs) : arrivedMs + outline.stopMs + decodeMs;
  return readyMs + outline.loadMs[kvChunks]! + outline.prefillMs[kvChunks]!;
}
