/** What the compiled backends export: wasm/README.md. Errors carry a `code`; infos are JSON. */
export interface Binding {
  inspectChunk(chunk: Uint8Array): string;
  validateChunk(chunk: Uint8Array): string;
  cutChunkLevel(chunk: Uint8Array, level: string): Uint8Array;
  cutChunkMaxBytes(chunk: Uint8Array, maxBytes: number): Uint8Array;
  cutChunkGroups(chunk: Uint8Array, groups: Uint8Array): Uint8Array;
  openProfile(file: Uint8Array, maxMemoryBytes: number | undefined): BoundProfile;
  /** `shape`: layers, kvHeads, keyHeadDim, valueHeadDim. */
  openCachegen(fingerprint: Uint8Array, shape: Uint16Array, maxMemoryBytes: number | undefined): BoundCoder;
}

export type EncodeArguments = [
  planes: Uint16Array,
  firstPosition: number,
  tokenCount: number,
  chunkId: Uint8Array,
  exactFirstToken: boolean,
  firstTokenId: number,
  onlyLevel: string | undefined,
];

export type DecodeArguments = [chunk: Uint8Array, level: string | undefined, partial: boolean];

export interface BoundCoder {
  encodeChunk(...args: EncodeArguments): Uint8Array;
  decodeChunk(...args: DecodeArguments): Uint16Array;
  /** Absent where everything runs on the calling thread. */
  encodeChunkAsync?(...args: EncodeArguments): Promise<Uint8Array>;
  /** On an abort a backend may give up what it has not begun; the caller no longer waits anyway. */
  decodeChunkAsync?(args: DecodeArguments, signal?: AbortSignal): Promise<Uint16Array>;
  release(): void;
}

export interface BoundProfile extends BoundCoder {
  info(): string;
}
