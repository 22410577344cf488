/** The codec for Node. Workers and browsers import `./wasm/index.ts`, which needs nothing from Node. */
import type { Backend, Codec } from './codec.ts';
import { CodecError } from './errors.ts';
import { loadNativeCodec } from './native/index.ts';
import { createReferenceCodec } from './reference/index.ts';
import { loadWasmCodec, type WasmOptions } from './wasm/node.ts';

export type {
  AsyncDecodeOptions,
  Backend,
  CachegenModel,
  ChunkCoder,
  ChunkInfo,
  ChunkLevel,
  ChunkSegment,
  Codec,
  CodecProfile,
  Cut,
  DecodeOptions,
  EncodeRequest,
  GroupMembers,
  LoadOptions,
  ProfileInfo,
} from './codec.ts';
export { CODEC_CACHEGEN, CODEC_LADDER } from './codec.ts';
export { CodecError, type CodecErrorCode } from './errors.ts';
export { loadNativeCodec, setNativeThreadCount } from './native/index.ts';
export { createReferenceCodec } from './reference/index.ts';
export { loadWasmCodec, type WasmOptions } from './wasm/node.ts';

/** One backend by name. Throws `backend-unavailable` where it is not built. */
export async function loadCodec(backend: Backend): Promise<Codec> {
  if (backend === 'native') return loadNativeCodec();
  if (backend === 'wasm') return loadWasmCodec();
  return createReferenceCodec();
}

/**
 * The native codec if it is built, else the wasm one with these options; `prefer` is tried first. `backend` says which it is.
 */
export async function loadBestCodec({
  prefer = 'native',
  ...wasm
}: { prefer?: Backend } & WasmOptions = {}): Promise<Codec> {
  if (prefer === 'wasm') return loadWasmCodec(wasm);
  try {
    return await loadCodec(prefer);
  } catch (error) {
    if (!(error instanceof CodecError && error.code === 'backend-unavailable')) throw error;
    return loadWasmCodec(wasm);
  }
}
