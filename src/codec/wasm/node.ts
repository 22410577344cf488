import { readFile } from 'node:fs/promises';
import type { Codec } from '../codec.ts';
import { CodecError } from '../errors.ts';
import { startNodeWorker } from './pool/start-node.ts';

const moduleUrl = (name: string) => new URL(`../../../wasm/pkg/${name}`, import.meta.url);

export interface WasmOptions {
  /**
   * Threads for `decodeChunkAsync`; each holds every open profile once more. Default 0: everything runs on the calling
   * thread.
   */
  threads?: number;
  /**
   * False: planes are the same on every processor. Default: the module with relaxed SIMD where that runs, which multiplies
   * and adds with one rounding or two, as the processor does.
   */
  relaxedSimd?: boolean;
}

/** The wasm codec in Node, from the committed wasm/pkg. Throws `backend-unavailable` if that does not load. */
export async function loadWasmCodec({ threads = 0, relaxedSimd }: WasmOptions = {}): Promise<Codec> {
  try {
    const { createWasmCodec, hasRelaxedSimd } = await import('./index.ts');
    const name = (relaxedSimd ?? hasRelaxedSimd()) ? 'kvedge_relaxed_bg.wasm' : 'kvedge_bg.wasm';
    const module = await WebAssembly.compile(await readFile(moduleUrl(name)));
    return createWasmCodec(module, { start: startNodeWorker, threads });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CodecError(
      'backend-unavailable',
      `the wasm codec does not load (${reason}): run "npm run build:wasm"`,
      {
        cause,
      },
    );
  }
}
