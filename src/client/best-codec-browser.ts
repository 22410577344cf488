import type { Codec } from '../codec/codec.ts';
import { createWasmCodec, hasRelaxedSimd } from '../codec/wasm/index.ts';
import { startWebWorker } from '../codec/wasm/pool/start-web.ts';
import { decoderThreads } from './decoder-threads.ts';

let loading: Promise<Codec> | undefined;

/** The wasm codec, fetched from beside this file; takes the place of `best-codec.ts` in the browser build. */
export function bestCodec(): Promise<Codec> {
  const url = hasRelaxedSimd()
    ? new URL('./kvedge_relaxed_bg.wasm', import.meta.url)
    : new URL('./kvedge_bg.wasm', import.meta.url);
  loading ??= fetch(url)
    .then((response) => response.arrayBuffer())
    .then(async (bytes) => {
      const module = await WebAssembly.compile(bytes);
      return createWasmCodec(module, { start: startWebWorker, threads: decoderThreads() });
    });
  loading.catch(() => {
    loading = undefined; // the next call tries again
  });
  return loading;
}
