import { readFile } from 'node:fs/promises';
import type { Codec } from '../codec.ts';
import { CodecError } from '../errors.ts';

const MODULE_URL = new URL('../../../wasm/pkg/kvedge_bg.wasm', import.meta.url);

/** The wasm codec in Node, from the committed wasm/pkg. Throws `backend-unavailable` if that does not load. */
export async function loadWasmCodec(): Promise<Codec> {
  try {
    const { createWasmCodec } = await import('./index.ts');
    return createWasmCodec(await WebAssembly.compile(await readFile(MODULE_URL)));
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
