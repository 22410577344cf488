import { createBoundCodec } from '../bound/index.ts';
import type { Codec } from '../codec.ts';
import { wasmBinding } from './binding.ts';
import { DecodePool, type StartWorker } from './pool/pool.ts';
import { pooled } from './pool/pooled.ts';

export { hasRelaxedSimd } from './relaxed.ts';

export interface WasmWorkers {
  /** How this runtime starts a thread. */
  start: StartWorker;
  /** How many at most, at least 1. Each holds every open profile once more. */
  threads: number;
}

/**
 * The codec as WebAssembly (SIMD128), for Node, workerd and browsers; imports nothing from Node. In a Worker pass the
 * imported module, in a browser `await WebAssembly.compileStreaming(fetch(url))`: `kvedge_bg.wasm`, which gives the same
 * planes everywhere, or where `hasRelaxedSimd()` also `kvedge_relaxed_bg.wasm`, which is faster and whose planes may
 * differ in their last bits between processors. All codecs made here share one instance of the first module passed.
 *
 * A trap (a bug, or memory that the engine refuses) is `backend-unavailable`. It costs every profile open in the
 * instance: a new instance takes over, and those profiles must be loaded again.
 *
 * With `workers`, `decodeChunkAsync` runs on threads with instances of their own, which a trap replaces.
 */
export function createWasmCodec(module: WebAssembly.Module, workers?: WasmWorkers): Codec {
  const binding = wasmBinding(module);
  if (workers === undefined || workers.threads < 1) return createBoundCodec('wasm', binding);
  return createBoundCodec('wasm', pooled(binding, new DecodePool(module, workers.start, workers.threads)));
}
