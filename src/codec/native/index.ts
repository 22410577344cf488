import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as Addon from '../../../origin-gpu/addon/kvedge.d.ts';
import type { BoundCoder, BoundProfile } from '../bound/binding.ts';
import { createBoundCodec } from '../bound/index.ts';
import type { Codec } from '../codec.ts';
import { CodecError } from '../errors.ts';

const ADDON_PATH = fileURLToPath(new URL('../../../origin-gpu/addon/kvedge.node', import.meta.url));

/**
 * The codec as a native addon (several threads, SIMD). Throws `backend-unavailable` where it is not built; the wasm
 * codec does the same work, only slower.
 */
export function loadNativeCodec(): Codec {
  const addon = requireAddon();
  return createBoundCodec('native', {
    inspectChunk: addon.inspectChunk,
    validateChunk: addon.validateChunk,
    cutChunkLevel: addon.cutChunkLevel,
    cutChunkMaxBytes: addon.cutChunkMaxBytes,
    cutChunkGroups: addon.cutChunkGroups,
    openProfile: (file, maxMemoryBytes) => bind(new addon.Profile(file, maxMemoryBytes ?? null)),
    openCachegen: (fingerprint, shape, maxMemoryBytes) =>
      bindCachegen(new addon.Cachegen(fingerprint, shape, maxMemoryBytes ?? null)),
  });
}

/** Threads that all native calls share; 0 is one per CPU, the default. Throws `backend-unavailable`. */
export function setNativeThreadCount(threads: number): void {
  requireAddon().setThreadCount(threads);
}

/** Instruction sets whose kernels run here, slowest first; the last is the default. Throws `backend-unavailable`. */
export function nativeSimdBackends(): string[] {
  return requireAddon().simdBackends();
}

/** Makes all native calls use one of `nativeSimdBackends()`, for tests: results do not depend on it. */
export function forceNativeSimdBackend(name: string): void {
  requireAddon().forceSimdBackend(name);
}

function requireAddon(): typeof Addon {
  try {
    return createRequire(import.meta.url)(ADDON_PATH) as typeof Addon;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new CodecError(
      'backend-unavailable',
      `the native codec ${ADDON_PATH} does not load (${reason}): run "npm run build:native", which needs cargo`,
      { cause },
    );
  }
}

function bind(profile: Addon.Profile): BoundProfile {
  return {
    info: () => profile.info(),
    encodeChunk: (...args) => profile.encodeChunk(...args),
    decodeChunk: (...args) => profile.decodeChunk(...args),
    encodeChunkAsync: (...args) => profile.encodeChunkAsync(...args),
    decodeChunkAsync: (args) => profile.decodeChunkAsync(...args),
    release: () => profile.close(),
  };
}

function bindCachegen(codec: Addon.Cachegen): BoundCoder {
  return {
    encodeChunk: (planes, first, count, id, exact, _firstTokenId, level) =>
      codec.encodeChunk(planes, first, count, id, exact, level),
    decodeChunk: (...args) => codec.decodeChunk(...args),
    encodeChunkAsync: (planes, first, count, id, exact, _firstTokenId, level) =>
      codec.encodeChunkAsync(planes, first, count, id, exact, level),
    decodeChunkAsync: (args) => codec.decodeChunkAsync(...args),
    release: () => {}, // it holds nothing but sizes
  };
}
