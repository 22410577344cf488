import type { Backend, Codec } from '../../../src/codec/index.ts';
import { CodecError, type CodecErrorCode, loadCodec } from '../../../src/codec/index.ts';

export interface NamedBackend {
  name: Backend;
  codec: Codec;
}

const NAMES: Backend[] = ['reference', 'wasm', 'native'];

/** Every backend that is built here; the others are named with the reason. */
export async function availableBackends(): Promise<NamedBackend[]> {
  const found: NamedBackend[] = [];
  for (const name of NAMES) {
    try {
      found.push({ name, codec: await loadCodec(name) });
    } catch (error) {
      if (!(error instanceof CodecError) || error.code !== 'backend-unavailable') throw error;
      console.warn(`SKIP the ${name} codec: ${error.message}`);
    }
  }
  return found;
}

/** What a call came to: its value, or the code of its `CodecError`. Any other error is thrown on. */
export function outcome<T>(call: () => T): { value: T } | { code: CodecErrorCode } {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof CodecError) return { code: error.code };
    throw error;
  }
}

export function codeOf(call: () => unknown): CodecErrorCode | 'none' {
  const result = outcome(call);
  return 'code' in result ? result.code : 'none';
}
