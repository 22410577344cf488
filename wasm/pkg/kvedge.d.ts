/* tslint:disable */
/* eslint-disable */

/**
 * Codec 2 for one model; it needs no profile. Call `free()` when done.
 */
export class Cachegen {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Decodes a chunk object, or a prefix of it, into fp16 planes `[layer][K|V][token][kvHeads * headDim]`.
     */
    decodeChunk(chunk: Uint8Array | number[], level: string | null | undefined, partial: boolean): Uint16Array;
    /**
     * Encodes 1 to 256 tokens into one chunk object with every level, or with `onlyLevel` alone.
     */
    encodeChunk(planes: Uint16Array | number[], firstPosition: number, tokenCount: number, chunkId: Uint8Array | number[], exactFirstToken: boolean, onlyLevel?: string | null): Uint8Array;
    /**
     * `shape`: layers, kvHeads, keyHeadDim, valueHeadDim. `maxMemoryBytes` bounds what each call may allocate; default 3e9.
     */
    constructor(modelFingerprint: Uint8Array | number[], shape: Uint16Array | number[], maxMemoryBytes?: number | null);
}

/**
 * A parsed profile. Call `free()` when done.
 */
export class Profile {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * A subset object with what layers `first` to `last` need.
     */
    cutChunkLayers(chunk: Uint8Array | number[], first: number, last: number): Uint8Array;
    /**
     * Decodes a chunk object, or a prefix of it, into fp16 planes `[layer][K|V][token][kvHeads * headDim]`.
     */
    decodeChunk(chunk: Uint8Array | number[], level: string | null | undefined, partial: boolean): Uint16Array;
    /**
     * Entropy decoding and dequantization alone, for benchmarks. Returns how many coefficients the chunk holds.
     */
    decodeCoefficients(chunk: Uint8Array | number[]): number;
    /**
     * Encodes 1 to 256 tokens into one chunk object with every level, or with `onlyLevel` alone.
     */
    encodeChunk(planes: Uint16Array | number[], firstPosition: number, tokenCount: number, chunkId: Uint8Array | number[], exactFirstToken: boolean, firstTokenId: number, onlyLevel?: string | null): Uint8Array;
    /**
     * The groups with a member plane in layers `first` to `last`.
     */
    groupsOfLayers(first: number, last: number): Uint8Array;
    /**
     * The JSON of a `ProfileInfo` (src/codec/codec.ts).
     */
    info(): string;
    /**
     * Parses a profile file. `maxMemoryBytes` bounds what this and each later call may allocate; default 3e9.
     */
    constructor(file: Uint8Array | number[], maxMemoryBytes?: number | null);
}

export function __wbg_reset_state(): void;

/**
 * A subset object with the segments of these groups (for a cut by layers: those whose members hold the layers).
 */
export function cutChunkGroups(chunk: Uint8Array | number[], groups: Uint8Array | number[]): Uint8Array;

/**
 * The prefix that is this level.
 */
export function cutChunkLevel(chunk: Uint8Array | number[], level: string): Uint8Array;

/**
 * The longest prefix of whole segments with at most `maxBytes`.
 */
export function cutChunkMaxBytes(chunk: Uint8Array | number[], max_bytes: number): Uint8Array;

/**
 * Reads a chunk's header. Returns the JSON of a `ChunkInfo` (src/codec/codec.ts).
 */
export function inspectChunk(chunk: Uint8Array | number[]): string;

/**
 * Checks a whole object without its profile. Returns the JSON of a `ChunkInfo`.
 */
export function validateChunk(chunk: Uint8Array | number[]): string;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_cachegen_free: (a: number, b: number) => void;
    readonly __wbg_profile_free: (a: number, b: number) => void;
    readonly cachegen_decodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly cachegen_encodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number) => [number, number, number, number];
    readonly cachegen_new: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number];
    readonly cutChunkGroups: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly cutChunkLevel: (a: number, b: number, c: number, d: number) => [number, number, number, number];
    readonly cutChunkMaxBytes: (a: number, b: number, c: number) => [number, number, number, number];
    readonly inspectChunk: (a: number, b: number) => [number, number, number, number];
    readonly profile_cutChunkLayers: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
    readonly profile_decodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
    readonly profile_decodeCoefficients: (a: number, b: number, c: number) => [number, number, number];
    readonly profile_encodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => [number, number, number, number];
    readonly profile_groupsOfLayers: (a: number, b: number, c: number) => [number, number];
    readonly profile_info: (a: number) => [number, number];
    readonly profile_new: (a: number, b: number, c: number, d: number) => [number, number, number];
    readonly validateChunk: (a: number, b: number) => [number, number, number, number];
    readonly __wbindgen_exn_store: (a: number) => void;
    readonly __externref_table_alloc: () => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __externref_table_dealloc: (a: number) => void;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
