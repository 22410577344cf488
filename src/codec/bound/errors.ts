import { CodecError, type CodecErrorCode } from '../errors.ts';

const CODES: ReadonlySet<string> = new Set<CodecErrorCode>([
  'bad-magic',
  'unsupported',
  'truncated',
  'corrupt',
  'limit',
  'wrong-profile',
  'unknown-level',
  'budget-too-small',
  'invalid-argument',
]);

/** An error of a binding as `CodecError`; one without a code of ours is a fault of the backend itself. */
export function toCodecError(error: unknown): CodecError {
  if (error instanceof CodecError) return error;
  if (!(error instanceof Error))
    return new CodecError('backend-unavailable', String(error), { cause: error });
  const code: unknown = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && CODES.has(code)) {
    return new CodecError(code as CodecErrorCode, error.message, { cause: error });
  }
  return new CodecError('backend-unavailable', `the codec failed: ${error.message}`, { cause: error });
}
