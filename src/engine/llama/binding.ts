import type * as NodeLlamaCpp from 'node-llama-cpp';
import { EngineError } from '../errors.ts';

export type Binding = typeof NodeLlamaCpp;

export interface BindingOptions {
  /** 'auto' uses a GPU if the installed binaries have one. Default false. */
  gpu?: false | 'auto';
}

/** Loads node-llama-cpp, an optional dependency. Throws `engine-missing`. */
export async function loadBinding(): Promise<Binding> {
  try {
    return await import('node-llama-cpp');
  } catch (cause) {
    throw missing('the package node-llama-cpp cannot be loaded', cause);
  }
}

/** Starts llama.cpp from its prebuilt binary; never compiles or downloads. Throws `engine-missing`. */
export async function startLlama(binding: Binding, { gpu = false }: BindingOptions) {
  try {
    return await binding.getLlama({
      gpu,
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      logLevel: binding.LlamaLogLevel.error,
    });
  } catch (cause) {
    throw missing('no prebuilt llama.cpp binary fits this machine', cause);
  }
}

function missing(why: string, cause: unknown): EngineError {
  return new EngineError('engine-missing', {
    what: 'the llama.cpp engine is not available',
    why,
    remedy: 'Install it with `npm install node-llama-cpp@3.21.1` (without `--omit=optional`).',
    cause,
  });
}
