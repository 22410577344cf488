import type { Binding, BoundCoder } from '../../bound/binding.ts';
import type { CoderSource } from './messages.ts';
import type { DecodePool } from './pool.ts';

/** The binding, with `decodeChunkAsync` on the workers of the pool; all else stays on the calling thread. */
export function pooled(binding: Binding, pool: DecodePool): Binding {
  return {
    ...binding,
    openProfile: (file, maxMemoryBytes) => {
      // A copy of its own: workers that start later need it, whatever the caller does with the file.
      const id = pool.open({ kind: 'profile', file: new Uint8Array(file), maxMemoryBytes });
      return onPool(pool, id, () => binding.openProfile(file, maxMemoryBytes));
    },
    openCachegen: (fingerprint, shape, maxMemoryBytes) => {
      const source: CoderSource = { kind: 'cachegen', fingerprint, shape, maxMemoryBytes };
      return onPool(pool, pool.open(source), () => binding.openCachegen(fingerprint, shape, maxMemoryBytes));
    },
  };
}

/** The workers make the coder while `open` makes that of the calling thread. */
function onPool<C extends BoundCoder>(pool: DecodePool, id: number, open: () => C): C {
  let coder: C;
  try {
    coder = open();
  } catch (error) {
    pool.close(id);
    throw error;
  }
  return {
    ...coder,
    decodeChunkAsync: (args, signal) => pool.decode(id, args, () => coder.decodeChunk(...args), signal),
    release: () => {
      pool.close(id);
      coder.release();
    },
  };
}
