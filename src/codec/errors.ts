/** Error names of docs/format.md, section 9, plus misuse of the API. */
export type CodecErrorCode =
  | 'bad-magic'
  | 'unsupported'
  | 'truncated'
  | 'corrupt'
  | 'limit'
  | 'wrong-profile'
  | 'unknown-level'
  | 'budget-too-small'
  | 'invalid-argument'
  | 'backend-unavailable';

/** Thrown by every codec backend; the message says what was expected, what was found and where. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  readonly code: CodecErrorCode;

  constructor(code: CodecErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
