import type { DecoderMessage, ExpectedChunk } from './messages.ts';

export interface ChunkProgress {
  tokenCount: number;
  levelBytes: ExpectedChunk['levelBytes'];
  /** Finest level that is here whole, in the end the one that it was decoded at; null until then. */
  level: string | null;
  arrivedBytes: number;
  decode: 'waiting' | 'running' | { ms: number };
  planesSha256: string | null;
}

export interface Outcome {
  /** Null: it was opened at a level. */
  deadlineMs: number | null;
  totalMs: number;
  /** Unpacking the model's profile, once a visit. */
  profileMs: number;
  planesBytes: number;
  planesSha256: string;
}

/** What the page knows about a context that is being opened. */
export interface Opening {
  modelName: string;
  tokenCount: number;
  chunks: readonly ChunkProgress[];
  outcome: Outcome | null;
  failure: string | null;
}

export const NOTHING_YET: Opening = {
  modelName: '',
  tokenCount: 0,
  chunks: [],
  outcome: null,
  failure: null,
};

/** The state after one more message of the Web Worker. */
export function advance(opening: Opening, message: DecoderMessage): Opening {
  switch (message.type) {
    case 'manifest':
      return {
        ...NOTHING_YET,
        modelName: message.modelName,
        tokenCount: message.tokenCount,
        chunks: message.chunks.map((chunk) => ({
          ...chunk,
          level: null,
          arrivedBytes: 0,
          decode: 'waiting',
          planesSha256: null,
        })),
      };
    case 'arrived':
      return change(opening, message.chunk, ({ arrivedBytes }) => ({
        arrivedBytes: arrivedBytes + message.bytes,
      }));
    case 'decoding':
      return change(opening, message.chunk, () => ({ decode: 'running' }));
    case 'decoded':
      // By a deadline a chunk may be decoded again, at a finer level.
      return change(opening, message.chunk, () => ({ decode: { ms: message.decodeMs } }));
    case 'levels':
      return {
        ...opening,
        chunks: opening.chunks.map((chunk, i) => ({ ...chunk, level: message.levels[i] ?? chunk.level })),
      };
    case 'opened':
      return change(opening, message.chunk, () => ({
        level: message.level,
        planesSha256: message.planesSha256,
      }));
    case 'done': {
      const { type: _, ...outcome } = message;
      return { ...opening, outcome };
    }
    case 'failed':
      return { ...opening, failure: `${message.message}. ${message.remedy}` };
  }
}

function change(
  opening: Opening,
  index: number,
  how: (chunk: ChunkProgress) => Partial<ChunkProgress>,
): Opening {
  return {
    ...opening,
    chunks: opening.chunks.map((chunk, i) => (i === index ? { ...chunk, ...how(chunk) } : chunk)),
  };
}

/** Time that a client saves which would otherwise prefill the text; negative if opening took longer. */
export function savedMs(
  { tokenCount }: Opening,
  { totalMs }: Outcome,
  prefillTokensPerSecond: number,
): number {
  return (1000 * tokenCount) / prefillTokensPerSecond - totalMs;
}
