/** What the page asks its Web Worker for. */
export interface OpenRequest {
  id: string;
  /** Null: the client's default, or what the deadline allows. */
  level: string | null;
  /** When all chunks are wanted, milliseconds after the request: the client chooses their levels. Null: they come at `level`. */
  deadlineMs: number | null;
  token: string | null;
}

/** What the Web Worker tells meanwhile. Chunks go by their index; times are milliseconds. */
export type DecoderMessage =
  | { type: 'manifest'; modelName: string; tokenCount: number; chunks: ExpectedChunk[] }
  | { type: 'arrived'; chunk: number; bytes: number }
  | { type: 'decoding'; chunk: number }
  | { type: 'decoded'; chunk: number; decodeMs: number }
  /** Finest level of each chunk that is here whole; null: none yet. */
  | { type: 'levels'; levels: (string | null)[] }
  | { type: 'opened'; chunk: number; level: string; planesSha256: string }
  | {
      type: 'done';
      deadlineMs: number | null;
      totalMs: number;
      profileMs: number;
      planesBytes: number;
      planesSha256: string;
    }
  | { type: 'failed'; message: string; remedy: string };

export interface ExpectedChunk {
  tokenCount: number;
  /** Bytes of each level, by name. */
  levelBytes: Record<string, number>;
}
