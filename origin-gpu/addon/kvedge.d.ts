/** What origin-gpu/addon/src/lib.rs exports. Errors carry a `code` of src/codec/errors.ts. */
export function inspectChunk(chunk: Uint8Array): string;
export function validateChunk(chunk: Uint8Array): string;
export function cutChunkLevel(chunk: Uint8Array, level: string): Uint8Array;
export function cutChunkMaxBytes(chunk: Uint8Array, maxBytes: number): Uint8Array;
export function cutChunkGroups(chunk: Uint8Array, groups: Uint8Array): Uint8Array;
/** Threads that all later calls share; 0 is one per CPU, the default. */
export function setThreadCount(threads: number): void;
/** The instruction sets whose kernels run here, slowest first: `scalar`, `sse41`, `avx2`, `avx512`, `neon`. */
export function simdBackends(): string[];
/** Makes all later calls use one of `simdBackends()`; results do not depend on it. `invalid-argument` for another name. */
export function forceSimdBackend(name: string): void;

/** Codec 2 for one model; it needs no profile. */
export class Cachegen {
  /** `shape`: layers, kvHeads, keyHeadDim, valueHeadDim. `maxMemoryBytes` bounds each call; default 4 GiB. */
  constructor(modelFingerprint: Uint8Array, shape: Uint16Array, maxMemoryBytes?: number | null);
  encodeChunk(
    planes: Uint16Array,
    firstPosition: number,
    tokenCount: number,
    chunkId: Uint8Array,
    exactFirstToken: boolean,
    onlyLevel?: string | null,
  ): Uint8Array;
  /** The planes must not change until the promise settles. */
  encodeChunkAsync(
    planes: Uint16Array,
    firstPosition: number,
    tokenCount: number,
    chunkId: Uint8Array,
    exactFirstToken: boolean,
    onlyLevel?: string | null,
  ): Promise<Uint8Array>;
  decodeChunk(chunk: Uint8Array, level?: string | null, partial?: boolean | null): Uint16Array;
  /** The chunk must not change until the promise settles. */
  decodeChunkAsync(chunk: Uint8Array, level?: string | null, partial?: boolean | null): Promise<Uint16Array>;
}

export class Profile {
  /** `maxMemoryBytes` bounds what this and each later call may allocate; default 4 GiB. */
  constructor(file: Uint8Array, maxMemoryBytes?: number | null);
  info(): string;
  encodeChunk(
    planes: Uint16Array,
    firstPosition: number,
    tokenCount: number,
    chunkId: Uint8Array,
    exactFirstToken: boolean,
    firstTokenId: number,
    onlyLevel?: string | null,
  ): Uint8Array;
  /** The planes must not change until the promise settles. */
  encodeChunkAsync(
    planes: Uint16Array,
    firstPosition: number,
    tokenCount: number,
    chunkId: Uint8Array,
    exactFirstToken: boolean,
    firstTokenId: number,
    onlyLevel?: string | null,
  ): Promise<Uint8Array>;
  decodeChunk(chunk: Uint8Array, level?: string | null, partial?: boolean | null): Uint16Array;
  /** The chunk must not change until the promise settles. */
  decodeChunkAsync(chunk: Uint8Array, level?: string | null, partial?: boolean | null): Promise<Uint16Array>;
  /** Entropy decoding and dequantization alone, for benchmarks. Returns how many coefficients the chunk holds. */
  decodeCoefficients(chunk: Uint8Array): number;
  groupsOfLayers(first: number, last: number): Uint8Array;
  cutChunkLayers(chunk: Uint8Array, first: number, last: number): Uint8Array;
  close(): void;
}
