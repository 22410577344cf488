/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const __wbg_cachegen_free: (a: number, b: number) => void;
export const __wbg_profile_free: (a: number, b: number) => void;
export const cachegen_decodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
export const cachegen_encodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number) => [number, number, number, number];
export const cachegen_new: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number];
export const cutChunkGroups: (a: number, b: number, c: number, d: number) => [number, number, number, number];
export const cutChunkLevel: (a: number, b: number, c: number, d: number) => [number, number, number, number];
export const cutChunkMaxBytes: (a: number, b: number, c: number) => [number, number, number, number];
export const inspectChunk: (a: number, b: number) => [number, number, number, number];
export const profile_cutChunkLayers: (a: number, b: number, c: number, d: number, e: number) => [number, number, number, number];
export const profile_decodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number) => [number, number, number, number];
export const profile_decodeCoefficients: (a: number, b: number, c: number) => [number, number, number];
export const profile_encodeChunk: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => [number, number, number, number];
export const profile_groupsOfLayers: (a: number, b: number, c: number) => [number, number];
export const profile_info: (a: number) => [number, number];
export const profile_new: (a: number, b: number, c: number, d: number) => [number, number, number];
export const validateChunk: (a: number, b: number) => [number, number, number, number];
export const __wbindgen_exn_store: (a: number) => void;
export const __externref_table_alloc: () => number;
export const __wbindgen_externrefs: WebAssembly.Table;
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __externref_table_dealloc: (a: number) => void;
export const __wbindgen_start: () => void;
