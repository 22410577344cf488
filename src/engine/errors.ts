/**
 * Stable reasons for which an engine refuses or fails. Callers branch on `code`, people read `message`.
 *
 * - `engine-missing`: the inference library (an optional dependency) or its prebuilt binary is not installed
 * - `model-unsupported`: the model's attention or position encoding is not one kvedge can carry
 * - `model-not-found`: no model file at that path or under that name
 * - `model-invalid`: the file is no readable GGUF, or its metadata contradict themselves
 * - `model-digest-mismatch`: the file's bytes are not the pinned ones
 * - `model-fetch-failed`: the pinned model could not be downloaded
 * - `state-invalid`: an engine state file is not exactly what the model's geometry demands
 * - `planes-mismatch`: KV planes do not fit the model, the tokens or each other
 * - `context-too-long`: more tokens than the sequence can hold
 * - `sequence-not-empty`: KV can only be loaded into an empty sequence
 * - `engine-failed`: the engine itself reported an error; `cause` has it
 */
export type EngineErrorCode =
  | 'engine-missing'
  | 'model-unsupported'
  | 'model-not-found'
  | 'model-invalid'
  | 'model-digest-mismatch'
  | 'model-fetch-failed'
  | 'state-invalid'
  | 'planes-mismatch'
  | 'context-too-long'
  | 'sequence-not-empty'
  | 'engine-failed';

export interface EngineErrorDetail {
  /** What failed, e.g. "the state file was refused". */
  what: string;
  /** Why: the rule that was broken. */
  why: string;
  /** What the reader can do about it. */
  remedy: string;
  /** Which field, offset, layer, path. */
  where?: string;
  expected?: string | number;
  got?: string | number;
  cause?: unknown;
}

/** Thrown for every failure of this folder, except an abort, which rejects with the signal's own reason. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;
  readonly where: string | undefined;
  readonly expected: string | number | undefined;
  readonly got: string | number | undefined;

  constructor(code: EngineErrorCode, detail: EngineErrorDetail) {
    super(messageOf(detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.where = detail.where;
    this.expected = detail.expected;
    this.got = detail.got;
  }
}

function messageOf(detail: EngineErrorDetail): string {
  const where = detail.where === undefined ? '' : ` at ${detail.where}`;
  const values = detail.expected === undefined ? '' : ` (expected ${detail.expected}, got ${detail.got})`;
  return `${detail.what}${where}: ${detail.why}${values}. ${detail.remedy}`;
}
