/**
 * What the controller reasons about: numbers only, no clock and no network, so that a trace replays through it in
 * microseconds and the same code runs in Node, a browser and a Worker.
 *
 * Units: milliseconds since the request began, bytes, KLD in nats per token.
 */

/** One level of a chunk. Every level is a byte prefix of the next. */
export interface LevelOption {
  /** Size of the prefix. */
  bytes: number;
  /** Predicted KLD against the exact cache. */
  kld: number;
  /** Time that this client needs to decode it. */
  decodeMs: number;
}

export interface ChunkOption {
  tokenCount: number;
  /** Coarsest first: bytes rise, KLD falls, decoding does not get faster. */
  levels: readonly LevelOption[];
}

export interface EngineSpeed {
  /** Evaluating one token of text at position 0. */
  prefillMsPerToken: number;
  /** What every earlier token adds to that (attention grows with the position). */
  prefillMsPerTokenPerPosition: number;
  /** Handing decoded KV to the engine: once, and per token. */
  loadFixedMs: number;
  loadMsPerToken: number;
  /** Tokens evaluated at once: it can be stopped only in between. */
  batchTokens: number;
}

/** Times and sums that stay the same while a context is fetched; index k: the first k chunks as KV, the others as text. */
export interface Outline {
  chunks: readonly ChunkOption[];
  tokenCount: number;
  /** Evaluating chunks k.. as text. */
  prefillMs: readonly number[];
  /** Loading chunks 0..k-1. */
  loadMs: readonly number[];
  /** Longest that an engine which evaluates text goes on after it was told to stop. */
  stopMs: number;
  /** Mean KLD when all chunks are at their finest level. No loss below it is worth waiting for. */
  finestLoss: number;
}

export interface ChunkProgress {
  /** Contiguous bytes from the start that are here. */
  receivedBytes: number;
  /** Bytes from the start that have been asked for, at least `receivedBytes`. */
  requestedBytes: number;
  /** Level that is decoded; -1: none. */
  decodedLevel: number;
}

/** Bytes per millisecond. */
export interface Rate {
  /** The link will hardly stay below this. */
  low: number;
  /** As likely above as below. */
  middle: number;
  /** The link will hardly stay above this. */
  high: number;
  /** Throughput of the last whole chunk; null before the first. */
  lastChunk: number | null;
  /** False while `low` and `middle` are little more than a guess. */
  known: boolean;
}

/** All that a strategy may look at. */
export interface View {
  outline: Outline;
  progress: readonly ChunkProgress[];
  nowMs: number;
  deadlineMs: number;
  rate: Rate;
  roundTripMs: number;
  /** True when nothing is on its way: the next byte takes a round trip. */
  idle: boolean;
  /** Bytes of the token ids still missing; they travel first, nothing is loaded or evaluated without them. */
  tokenBytesMissing: number;
  /** When the decoder is done with what it has begun. */
  decoderFreeAtMs: number;
  /** When the first token would come had the text been used from the start. */
  textFinishMs: number;
  /** The text that is being evaluated while KV is still on its way, or null. */
  standby: Standby | null;
}

/** Text on top of the first chunks' KV, loaded and being evaluated: the answer if nothing better comes first. */
export interface Standby {
  kvLevels: readonly number[];
  /** When the first token comes from it. */
  finishMs: number;
}

export interface Fetch {
  chunk: number;
  /** Everything up to the end of this level. */
  level: number;
}

export interface Decision {
  /** What to have on the wire, most urgent first. Anything else on its way is cut short. */
  fetches: readonly Fetch[];
  /** Levels of the chunks to use as KV, from the first; the others are text. */
  kvLevels: readonly number[];
  /**
   * `fetch`: go on fetching. `standby`: the same, but load `kvLevels` and evaluate the text after them meanwhile.
   * `stop`: go on fetching without the standby, whose processor decoding needs.
   * `load`: fetch nothing more, load `kvLevels`, evaluate the rest. `text`: fetch nothing more, let the standby finish.
   */
  act: 'fetch' | 'standby' | 'stop' | 'load' | 'text';
  /** Ask again at this time, if nothing happens before. */
  wakeAtMs: number;
  /** True: `fetches` is not all; ask again at once if more may be on the wire. */
  hasMore?: boolean;
}

/** A strategy is a pure function. */
export type Strategy = (view: View) => Decision;

/** Throws `RangeError` on levels that shrink. Equal ones are fine: the finer then costs nothing. */
export function outlineOf(chunks: readonly ChunkOption[], engine: EngineSpeed): Outline {
  const starts = [0];
  for (const { tokenCount, levels } of chunks) {
    if (levels.length === 0) throw new RangeError('a chunk without levels');
    for (const [i, level] of levels.entries()) {
      const before = levels[i - 1];
      if (before && (level.bytes < before.bytes || level.decodeMs < before.decodeMs))
        throw new RangeError('levels must be ordered from the coarsest to the finest');
    }
    starts.push(starts.at(-1)! + tokenCount);
  }
  const tokenCount = starts.at(-1)!;
  const { prefillMsPerToken, prefillMsPerTokenPerPosition, loadFixedMs, loadMsPerToken, batchTokens } =
    engine;
  return {
    chunks,
    tokenCount,
    prefillMs: starts.map(
      (start) =>
        (tokenCount - start) * prefillMsPerToken +
        ((tokenCount ** 2 - start ** 2) / 2) * prefillMsPerTokenPerPosition,
    ),
    loadMs: starts.map((start) => (start === 0 ? 0 : loadFixedMs + start * loadMsPerToken)),
    stopMs: batchTokens * (prefillMsPerToken + tokenCount * prefillMsPerTokenPerPosition),
    finestLoss: chunks.reduce((sum, c) => sum + c.tokenCount * c.levels.at(-1)!.kld, 0) / tokenCount,
  };
}

/** The finest level that `bytes` leading bytes hold; -1: none. A prefix can be verified at the ends of levels only. */
export function levelWithin(chunk: ChunkOption, bytes: number): number {
  let level = chunk.levels.length - 1;
  while (level >= 0 && chunk.levels[level]!.bytes > bytes) level -= 1;
  return level;
}
