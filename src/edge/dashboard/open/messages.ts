/** What the page asks its Web Worker for. */
export interface OpenRequest {
  id: string;
  /** Null: the client's default. */
  level: string | null;
  token: string | null;
}

/** What the Web Worker tells meanwhile. Chunks go by their index; times are milliseconds. */
export type DecoderMessage =
  | { type: 'manifest'; modelName: string; tokenCount: number; chunks: ExpectedChunk[] }
  | { type: 'arrived'; chunk: number; bytes: number }
  | { type: 'decoding'; chunk: number }
  | { type: 'decoded'; chunk: number; decodeMs: number }
  | { type: 'opened'; chunk: number; level: string; planesSha256: string }
  | { type: 'done'; totalMs: number; profileMs: number; planesBytes: number; planesSha256: string }
  | { type: 'failed'; message: string; remedy: string };

export interface ExpectedChunk {
  tokenCount: number;
  /** Bytes of each level, by name. */
  levelBytes: Record<string, number>;
}
