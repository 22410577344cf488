import module from '../../wasm/pkg/kvedge_bg.wasm';
import type { Codec } from '../codec/codec.ts';
import { createWasmCodec } from '../codec/wasm/index.ts';

let codec: Codec | undefined;

/** The isolate's codec, instantiated at first use: most requests need none. */
export function edgeCodec(): Codec {
  codec ??= createWasmCodec(module);
  return codec;
}
