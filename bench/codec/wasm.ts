import type { CodecProfile } from '../../src/codec/codec.ts';
import type { KvPlanes } from '../../src/engine/index.ts';
import * as glue from '../../wasm/pkg/kvedge.js';
import { THREADS } from './sample.ts';

interface CoefficientDecoder {
  /** Returns how many coefficients the chunk holds. */
  decodeCoefficients?(chunk: Uint8Array): number;
}

/** Decoding of a level's cuts in WebAssembly: whole, on this thread and on those of the pool, and without the transform. */
export function wasmStages(profileFile: Uint8Array, profile: CodecProfile, cuts: Uint8Array[]) {
  // The codec module made the instance; the interface for benchmarks is the glue's alone.
  const bare = new glue.Profile(profileFile) as glue.Profile & CoefficientDecoder;
  const { decodeCoefficients } = bare;
  if (decodeCoefficients === undefined)
    throw new Error('wasm/pkg is older than its sources: npm run build:wasm');
  return {
    wasmDecode1: () => cuts.forEach((cut) => void profile.decodeChunk(cut)),
    [`wasmDecode${THREADS}`]: () => Promise.all(cuts.map((cut) => profile.decodeChunkAsync(cut))),
    wasmEntropy: () => cuts.forEach((cut) => void decodeCoefficients.call(bare, cut)),
  };
}

/** Throws when decoded planes are off by a tenth of the exact ones' energy: no level is that bad. */
export function checkPlanes(exact: KvPlanes, decoded: KvPlanes): void {
  let [error, energy] = [0, 0];
  const [left, right] = [exact, decoded].map(
    ({ data }) => new Float16Array(data.buffer, data.byteOffset, data.length),
  );
  if (!left || !right || left.length !== right.length) throw new Error('decoded planes have another size');
  for (let i = 0; i < left.length; i++) {
    const value = left[i] as number;
    error += (value - (right[i] as number)) ** 2;
    energy += value ** 2;
  }
  if (!(error < 0.1 * energy)) throw new Error(`decoded planes are off by ${error / energy} of their energy`);
}
