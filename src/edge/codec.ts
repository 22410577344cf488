import type { Codec } from '../codec/codec.ts';
import { createReferenceCodec } from '../codec/reference/index.ts';

let made: Codec | undefined;

/** The isolate's codec; made at first use, because few requests need it. */
export function edgeCodec(): Codec {
  made ??= createReferenceCodec();
  return made;
}
