/**
 * What kvedge asks of an inference engine. Nothing here knows which engine it is; `llama/` is the first adapter.
 * Withheld on purpose: state files, GGUF, native handles.
 */
import type { KvGeometry, KvPlanes, TokenRange } from './planes.ts';

export { EngineError, type EngineErrorCode } from './errors.ts';
export { modelFingerprint } from './fingerprint.ts';
export * from './planes.ts';

/** How keys were rotated before they were cached. Angle of pair i at position p: p * freqScale * freqBase^(-2i/dims) / freqFactors[i]. */
export interface RopeParameters {
  /** `interleaved` turns values (2i, 2i+1), `halves` turns (i, i + dims/2). */
  layout: 'none' | 'interleaved' | 'halves';
  /** Rotated values per head, from the first; the rest are cached as they are. */
  dims: number;
  freqBase: number;
  freqScale: number;
  /** dims/2 divisors, or null for all ones. */
  freqFactors: Float32Array | null;
}

export interface EngineModel {
  /** Human-readable, not unique. */
  name: string;
  architecture: string;
  fileSha256: Uint8Array;
  /** 32 bytes, see `modelFingerprint`. */
  fingerprint: Uint8Array;
  geometry: KvGeometry;
  rope: RopeParameters;
  vocabularySize: number;
  /** Context length the model was trained with, in tokens. */
  trainedContextTokens: number;
  bosToken: number | null;
  eosToken: number | null;
  /** The model's own policy: whether a context starts with `bosToken`. */
  prependsBos: boolean;
}

export interface TokenizeOptions {
  /** Whether to put BOS first: true, false or the model's policy. Default 'model'. No BOS if the model has none. */
  bos?: boolean | 'model';
  /** Whether text such as `<|im_start|>` becomes control tokens. Default false: untrusted text cannot inject them. */
  specialTokens?: boolean;
}

export interface PrefillOptions {
  /** Called after every evaluated batch with the tokens of this call done so far. */
  onProgress?: (doneTokens: number, totalTokens: number) => void;
  /** Stops between two batches; the sequence then holds what was evaluated. */
  signal?: AbortSignal;
}

export interface GenerateOptions {
  /** Tokens to evaluate first. Empty: continue right after the context (its last token is evaluated once more). */
  promptTokens?: Uint32Array;
  maxTokens: number;
  /** Stop before an end-of-generation token. Default true. */
  stopAtEnd?: boolean;
  /** Called as soon as a token is there. */
  onToken?: (token: number, index: number) => void;
  signal?: AbortSignal;
}

export interface Generation {
  tokens: Uint32Array;
  /** From the call to the first token, evaluation of the prompt included; null if none came. */
  firstTokenMs: number | null;
  totalMs: number;
}

export interface ScoreOptions {
  /** Report only every n-th token, the first included. Default 1. Handing out a distribution can cost more than making it. */
  everyTokens?: number;
  signal?: AbortSignal;
}

/** `logProbabilities[v]`: natural log of the probability of token v after `tokens[0..index]`. The array is yours to keep. */
export type OnDistribution = (index: number, logProbabilities: Float32Array) => void;

/** One growing token sequence with its KV cache. Calls must not overlap. */
export interface EngineSequence {
  /** Most tokens it can hold. */
  readonly capacityTokens: number;
  /** Tokens whose KV it holds now. */
  readonly tokens: Uint32Array;
  /** Appends tokens by evaluating them. */
  prefill(tokens: Uint32Array, options?: PrefillOptions): Promise<void>;
  /** KV of a range of positions; default all. */
  readPlanes(range?: TokenRange): Promise<KvPlanes>;
  /** Puts KV in place of evaluation. The sequence must be empty and the chunks must tile positions 0..tokens.length. */
  loadPlanes(tokens: Uint32Array, chunks: KvPlanes | readonly KvPlanes[]): Promise<void>;
  /** Greedy generation. All but the last generated token join the sequence. */
  generate(options: GenerateOptions): Promise<Generation>;
  /** Appends tokens and reports the next-token distribution after each of them, or after every n-th. */
  score(tokens: Uint32Array, onDistribution: OnDistribution, options?: ScoreOptions): Promise<void>;
  /** Forgets all tokens. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface SequenceOptions {
  capacityTokens: number;
}

/** A loaded model. */
export interface Engine {
  readonly model: EngineModel;
  tokenize(text: string, options?: TokenizeOptions): Uint32Array;
  detokenize(tokens: Uint32Array): string;
  openSequence(options: SequenceOptions): Promise<EngineSequence>;
  close(): Promise<void>;
}
