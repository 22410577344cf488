import type { Codec } from '../codec/codec.ts';
import { CodecError } from '../codec/errors.ts';
import { createReferenceCodec } from '../codec/reference/index.ts';

/** WebAssembly memory never shrinks: an instance that took in more than this is not kept for the next request. */
const KEEP_BELOW_BYTES = 16 * 2 ** 20;

let instance: Codec | undefined;

/**
 * Uses the isolate's codec, made when first needed, on an input of `inputBytes`. An instance that fails with anything but a
 * `CodecError` has trapped and is thrown away.
 */
export function withCodec<T>(inputBytes: number, use: (codec: Codec) => T): T {
  instance ??= createReferenceCodec();
  let keep = inputBytes < KEEP_BELOW_BYTES;
  try {
    return use(instance);
  } catch (error) {
    keep &&= error instanceof CodecError;
    throw error;
  } finally {
    if (!keep) instance = undefined;
  }
}
