import { LIMITS } from '../protocol/limits.ts';
import { ProblemError } from '../protocol/problems.ts';

/** A request that was cut off never gives back what it drew, so it lapses. */
const LAPSES_AFTER_MS = 30_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * Memory for chunks that are cut by layers, which must be held whole: by the body, the codec's memory and the cut about five times
 * over. A budget for all requests of the isolate, of 128 MB, that are under way.
 */
export class CutMemory {
  readonly #drawn = new Map<symbol, { bytes: number; untilMs: number }>();

  /** Draws the size of a chunk and gives the function that returns it. Throws `cut-too-large` and `cuts-busy`. */
  draw(bytes: number): () => void {
    if (bytes > LIMITS.cutBytes) {
      throw new ProblemError(
        'cut-too-large',
        `the chunk has ${bytes} bytes, cutBytes allows ${LIMITS.cutBytes}`,
      );
    }
    const nowMs = Date.now();
    let total = bytes;
    for (const [key, drawn] of this.#drawn) {
      if (drawn.untilMs <= nowMs) this.#drawn.delete(key);
      else total += drawn.bytes;
    }
    if (total > LIMITS.cutBytes) {
      throw new ProblemError('cuts-busy', 'other cuts by layers are being made here', {
        'retry-after': String(RETRY_AFTER_SECONDS),
      });
    }
    const key = Symbol('cut');
    this.#drawn.set(key, { bytes, untilMs: nowMs + LAPSES_AFTER_MS });
    return () => void this.#drawn.delete(key);
  }
}
