import type { View } from './model.ts';
import { missingBytes } from './pipeline.ts';

/** Raising one chunk from a level to a finer one. */
export interface Step {
  chunk: number;
  level: number;
  /** Bytes it costs, and what it takes off the sum of tokens x KLD. */
  bytes: number;
  gain: number;
  /** To decode the chunk at that level. */
  decodeMs: number;
}

/** The level that a chunk has if nothing more is spent on it: what is decoded, else the coarsest. */
export function startLevel(view: View, chunk: number): number {
  return Math.max(0, view.progress[chunk]!.decodedLevel);
}

/**
 * All steps of all chunks, the best gain per byte first. Loss over bytes is made convex for each chunk (a level above the
 * line between its neighbours is stepped over), so a chunk's steps come in order, and any prefix of the list is a plan:
 * the levelled-out one with the least loss for its bytes. What is here already costs nothing and comes first.
 */
export function stepsByGain(view: View): Step[] {
  const steps: Step[] = [];
  for (let chunk = 0; chunk < view.outline.chunks.length; chunk++) {
    const { levels, tokenCount } = view.outline.chunks[chunk]!;
    let from = startLevel(view, chunk);
    while (from < levels.length - 1) {
      let best: Step | undefined;
      for (let level = from + 1; level < levels.length; level++) {
        const bytes = missingBytes(view, chunk, level) - missingBytes(view, chunk, from);
        const gain = (levels[from]!.kld - levels[level]!.kld) * tokenCount;
        if (gain > 0 && (best === undefined || gain * best.bytes >= best.gain * bytes))
          best = { chunk, level, bytes, gain, decodeMs: levels[level]!.decodeMs };
      }
      if (best === undefined) break;
      steps.push(best);
      from = best.level;
    }
  }
  return steps.sort(byGain);
}

/** By gain per byte; what costs no bytes comes first, by gain per time. A chunk's own steps stay in order. */
function byGain(a: Step, b: Step): number {
  if (a.chunk === b.chunk) return a.level - b.level;
  if (a.bytes === 0 && b.bytes === 0) return b.gain * a.decodeMs - a.gain * b.decodeMs || a.chunk - b.chunk;
  return b.gain * a.bytes - a.gain * b.bytes || a.chunk - b.chunk;
}
