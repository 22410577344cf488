import { CodecError, type CodecErrorCode } from '../errors.ts';

export function fail(code: CodecErrorCode, message: string): never {
  throw new CodecError(code, message);
}

/** Refuses a value outside `min..max` with `corrupt`: a wrong range (docs/format.md, section 9). */
export function inRange(value: number, min: number, max: number, what: string): number {
  if (value < min || value > max) fail('corrupt', `${what} is ${value}, expected ${min} to ${max}`);
  return value;
}

/** Refuses sizes above a limit of docs/format.md, section 9. */
export function within(value: number, limit: number, what: string): number {
  if (value > limit) fail('limit', `${what} is ${value}, above the limit of ${limit}`);
  return value;
}
