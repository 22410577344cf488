import type { Codec } from '../codec/codec.ts';
import { createWasmCodec } from '../codec/wasm/index.ts';

let loading: Promise<Codec> | undefined;

/** The wasm codec, fetched from beside this file; takes the place of `best-codec.ts` in the browser build. */
export function bestCodec(): Promise<Codec> {
  loading ??= fetch(new URL('./kvedge_bg.wasm', import.meta.url))
    .then((response) => response.arrayBuffer())
    .then(async (bytes) => createWasmCodec(await WebAssembly.compile(bytes)));
  loading.catch(() => {
    loading = undefined; // the next call tries again
  });
  return loading;
}
