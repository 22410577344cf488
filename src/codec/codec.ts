import type { KvGeometry, KvPlanes } from '../engine/planes.ts';

/** Name of a codec implementation. All give bit-identical symbols; planes may differ in their last bits. */
export type Backend = 'native' | 'wasm' | 'reference';

export interface ChunkLevel {
  name: string;
  /** Size in bytes of the object prefix that is this level. */
  endOffset: number;
  /** Predicted KLD against the exact cache, nats per token. */
  predictedKld: number;
}

export interface ChunkSegment {
  group: number;
  band: number;
  pass: number;
  bytes: number;
  /** Distortion removed per byte, in units of the squared base step (encoder's estimate). */
  slope: number;
}

/** Codec ids of docs/format.md, section 5. */
export const CODEC_LADDER = 1;
export const CODEC_CACHEGEN = 2;

/** What a chunk's header says (docs/format.md, section 5). Ids are 64 lower-case hexadecimal digits. */
export interface ChunkInfo {
  version: number;
  codec: number;
  subset: boolean;
  headerBytes: number;
  preludeBytes: number;
  /** Size of the whole object according to the header; the input may be a prefix of it. */
  objectBytes: number;
  modelFingerprint: string;
  profileId: string;
  chunkId: string;
  firstPosition: number;
  tokenCount: number;
  layers: number;
  kvHeads: number;
  keyHeadDim: number;
  valueHeadDim: number;
  levels: ChunkLevel[];
  segments: ChunkSegment[];
}

export interface ProfileInfo {
  profileId: string;
  modelFingerprint: string;
  layers: number;
  kvHeads: number;
  keyHeadDim: number;
  valueHeadDim: number;
  baseStep: number;
  levelNames: string[];
  groups: { members: number[]; rank: number; bandEnds: number[] }[];
  firstTokenIds: number[];
  fileBytes: number;
}

export interface EncodeRequest {
  planes: KvPlanes;
  /** 32 bytes, docs/format.md section 3. */
  chunkId: Uint8Array;
  /** True for the first chunk of a context: its first token (the attention sink) is stored exactly. */
  exactFirstToken: boolean;
  /** Token id of the first token: an entry of the profile's first-token table is used when the planes are equal. Codec 2 has no use for it. */
  firstTokenId: number;
  /** Encode just this level, with no lower one inside it; default: every level. */
  onlyLevel?: string;
}

/**
 * A level, the longest prefix within a byte budget, or the layers first..last (both included); with codec 1 the last needs
 * to know which planes each group of the profile holds (`ProfileInfo.groups`), but not the profile itself.
 */
export type Cut =
  | { level: string }
  | { maxBytes: number }
  | { layers: readonly [first: number, last: number]; groups?: readonly GroupMembers[] };

export interface GroupMembers {
  members: readonly number[];
}

export interface DecodeOptions {
  /** Decode only up to this level; default: every segment present. */
  level?: string;
  /** Accept a prefix that ends inside a segment; that segment counts as absent. Default false. */
  partial?: boolean;
}

export interface AsyncDecodeOptions extends DecodeOptions {
  /** An abort rejects with the signal's reason; work that has begun still goes on, for nothing. */
  signal?: AbortSignal;
}

export interface LoadOptions {
  /**
   * Bytes that loading the profile, and each later call on it, may allocate; more is refused with `limit`.
   * Default: 4 GiB native, 3e9 wasm, 1 GiB reference.
   */
  maxMemoryBytes?: number;
}

/** The model that codec 2 works for. */
export interface CachegenModel extends KvGeometry {
  /** 64 lower-case hexadecimal digits. */
  modelFingerprint: string;
}

/** What encodes and decodes the chunks of one model. Release with `close()`; using it afterwards is an error. */
export interface ChunkCoder {
  /** Encodes up to 256 tokens into one chunk object with every level, or with the one asked for. */
  encodeChunk(request: EncodeRequest): Uint8Array;
  /** Decodes a chunk object, or a prefix of it, into fp16 planes. */
  decodeChunk(chunk: Uint8Array, options?: DecodeOptions): KvPlanes;
  /** `encodeChunk` off the calling thread where the backend can (native); elsewhere it runs on this thread. */
  encodeChunkAsync(request: EncodeRequest): Promise<Uint8Array>;
  /** `decodeChunk` off the calling thread where the backend can (native; wasm with workers); elsewhere it runs on this thread. */
  decodeChunkAsync(chunk: Uint8Array, options?: AsyncDecodeOptions): Promise<KvPlanes>;
  close(): void;
}

/** A profile loaded into a backend: codec 1. */
export interface CodecProfile extends ChunkCoder {
  readonly info: ProfileInfo;
}

/** The KV codec. Every method throws `CodecError` and nothing else on bad input. */
export interface Codec {
  readonly backend: Backend;
  /** Parses and checks a profile file (docs/format.md, section 4). */
  loadProfile(file: Uint8Array, options?: LoadOptions): CodecProfile;
  /** Codec 2 (docs/format.md, section 12): it needs no profile. */
  openCachegen(model: CachegenModel, options?: LoadOptions): ChunkCoder;
  /** Reads a chunk's header; needs only the header's bytes, and takes any part of the rest. */
  inspectChunk(chunk: Uint8Array): ChunkInfo;
  /**
   * Checks all that needs neither profile nor decoding: header, directory, every CRC, the fields of prelude and segments.
   * Returns its header.
   */
  validateChunk(chunk: Uint8Array): ChunkInfo;
  /** docs/format.md, section 8. Returns a copy. */
  cutChunk(chunk: Uint8Array, cut: Cut): Uint8Array;
}
