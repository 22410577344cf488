import { vi } from 'vitest';
import type { Backend, Codec } from '../../../src/codec/index.ts';
import { CodecError, type CodecErrorCode, loadCodec } from '../../../src/codec/index.ts';
import { forceNativeSimdBackend, nativeSimdBackends } from '../../../src/codec/native/index.ts';

export interface NamedBackend {
  /** `native` is there once with every instruction set, as `native avx2`; `wasm` with relaxed SIMD and without. */
  name: string;
  codec: Codec;
}

const NAMES: Backend[] = ['reference', 'wasm', 'native'];

/** Every backend that is built here; the others are named with the reason. */
export async function availableBackends(): Promise<NamedBackend[]> {
  const found: NamedBackend[] = [];
  for (const name of NAMES) {
    try {
      const codec = await loadCodec(name);
      if (name === 'native') found.push(...nativeSimdBackends().map((simd) => forced(codec, simd)));
      else found.push({ name, codec });
      if (name === 'wasm') found.push({ name: 'wasm simd128', codec: await plainWasm() });
    } catch (error) {
      if (!(error instanceof CodecError) || error.code !== 'backend-unavailable') throw error;
      console.warn(`SKIP the ${name} codec: ${error.message}`);
    }
  }
  return found;
}

/** The module without relaxed SIMD. Its glue holds one instance for all callers, so this one is loaded once more. */
async function plainWasm(): Promise<Codec> {
  vi.resetModules();
  const { loadWasmCodec } = await import('../../../src/codec/wasm/node.ts');
  return loadWasmCodec({ relaxedSimd: false });
}

/** The native codec with one instruction set in every call. */
function forced(codec: Codec, simd: string): NamedBackend {
  const force = <T>(call: () => T): T => {
    forceNativeSimdBackend(simd);
    return call();
  };
  const loadProfile: Codec['loadProfile'] = (file, options) => {
    const profile = codec.loadProfile(file, options);
    return {
      ...profile,
      encodeChunk: (request) => force(() => profile.encodeChunk(request)),
      decodeChunk: (chunk, decodeOptions) => force(() => profile.decodeChunk(chunk, decodeOptions)),
    };
  };
  const openCachegen: Codec['openCachegen'] = (model, options) => {
    const coder = codec.openCachegen(model, options);
    return {
      ...coder,
      encodeChunk: (request) => force(() => coder.encodeChunk(request)),
      decodeChunk: (chunk, decodeOptions) => force(() => coder.decodeChunk(chunk, decodeOptions)),
    };
  };
  return { name: `native ${simd}`, codec: { ...codec, loadProfile, openCachegen } };
}

/** What a call came to: its value, or the code of its `CodecError`. Any other error is thrown on. */
export function outcome<T>(call: () => T): { value: T } | { code: CodecErrorCode } {
  try {
    return { value: call() };
  } catch (error) {
    // By name: each time that modules are loaded there is another class.
    if (error instanceof Error && error.name === 'CodecError') return { code: (error as CodecError).code };
    throw error;
  }
}

export function codeOf(call: () => unknown): CodecErrorCode | 'none' {
  const result = outcome(call);
  return 'code' in result ? result.code : 'none';
}
