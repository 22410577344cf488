import { LIMITS } from '../protocol/limits.ts';
import { ProblemError } from '../protocol/problems.ts';

/** A request that was cut off never gives back what it drew, so it lapses when nothing was heard of it for so long. */
const LAPSES_AFTER_MS = 30_000;
const RETRY_AFTER_SECONDS = 1;

/** Memory that a request has drawn. */
export interface Drawn {
  /** It is still in use: what lapses does so later. */
  renew(): void;
  giveBack(): void;
}

/**
 * Memory for chunks that are cut by layers, which must be held whole: by the body, the codec's memory and the cut about five times
 * over. A budget for all requests of the isolate, of 128 MB, that are under way.
 */
export class CutMemory {
  readonly #drawn = new Map<symbol, { bytes: number; untilMs: number }>();

  /** Draws the size of a chunk, until the cut is neither sent nor stored any more. Throws `cut-too-large` and `cuts-busy`. */
  draw(bytes: number): Drawn {
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
      throw new ProblemError('cuts-busy', 'other cuts by layers are being made or sent here', {
        'retry-after': String(RETRY_AFTER_SECONDS),
      });
    }
    const key = Symbol('cut');
    this.#drawn.set(key, { bytes, untilMs: nowMs + LAPSES_AFTER_MS });
    return {
      renew: () => {
        if (this.#drawn.has(key)) this.#drawn.set(key, { bytes, untilMs: Date.now() + LAPSES_AFTER_MS });
      },
      giveBack: () => void this.#drawn.delete(key),
    };
  }
}
