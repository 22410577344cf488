import * as glue from '../../../wasm/pkg/kvedge.js';
import type { Binding, BoundCoder, BoundProfile } from '../bound/binding.ts';
import { CodecError } from '../errors.ts';

/**
 * Counts the instances of the module that were thrown away. The generated glue holds one instance for all callers, so
 * this is shared as well.
 */
let faults = 0;
let isDead = false;

/** What the module exports, over the one instance of this thread: that of the first module passed. */
export function wasmBinding(module: WebAssembly.Module): Binding {
  glue.initSync({ module });
  return {
    inspectChunk: (chunk) => run(() => glue.inspectChunk(chunk)),
    validateChunk: (chunk) => run(() => glue.validateChunk(chunk)),
    cutChunkLevel: (chunk, level) => run(() => glue.cutChunkLevel(chunk, level)),
    cutChunkMaxBytes: (chunk, maxBytes) => run(() => glue.cutChunkMaxBytes(chunk, maxBytes)),
    cutChunkGroups: (chunk, groups) => run(() => glue.cutChunkGroups(chunk, groups)),
    openProfile: (file, maxMemoryBytes) => bind(run(() => new glue.Profile(file, maxMemoryBytes))),
    openCachegen: (fingerprint, shape, maxMemoryBytes) =>
      bindCachegen(() => new glue.Cachegen(fingerprint, shape, maxMemoryBytes)),
  };
}

function bind(profile: glue.Profile): BoundProfile {
  const openedAt = faults;
  const use = <T>(call: () => T): T => {
    if (faults === openedAt) return run(call);
    throw new CodecError(
      'backend-unavailable',
      'the profile was lost when the wasm codec failed: load it again',
    );
  };
  return {
    info: () => use(() => profile.info()),
    encodeChunk: (...args) => use(() => profile.encodeChunk(...args)),
    decodeChunk: (...args) => use(() => profile.decodeChunk(...args)),
    release: () => {
      if (faults === openedAt) profile.free();
    },
  };
}

/** Codec 2 holds nothing but sizes: after a trap it is opened again. */
function bindCachegen(open: () => glue.Cachegen): BoundCoder {
  let codec = run(open);
  let openedAt = faults;
  const use = <T>(call: (codec: glue.Cachegen) => T): T => {
    if (faults !== openedAt) {
      codec = run(open);
      openedAt = faults;
    }
    return run(() => call(codec));
  };
  return {
    encodeChunk: (planes, first, count, id, exact, _firstTokenId, level) =>
      use((codec) => codec.encodeChunk(planes, first, count, id, exact, level)),
    decodeChunk: (...args) => use((codec) => codec.decodeChunk(...args)),
    release: () => {
      if (faults === openedAt) codec.free();
    },
  };
}

/** Replaces the instance after a trap: its memory may be in any state. */
function run<T>(call: () => T): T {
  if (isDead)
    throw new CodecError('backend-unavailable', 'the wasm codec failed before: restart the process');
  try {
    return call();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) {
      faults++;
      replaceInstance();
    }
    throw error;
  }
}

/** The generator makes the function only with `reset_state_function`; without it the instance stays unusable. */
function replaceInstance(): void {
  // By its name, not from the whole namespace: bundlers leave out what is not named.
  const reset = (glue as { __wbg_reset_state?: () => void }).__wbg_reset_state;
  if (reset === undefined) isDead = true;
  else reset();
}
