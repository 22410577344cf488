import type { KvPlanes } from '../../engine/planes.ts';
import { checkBudget, checkBytes, checkEncodeRequest, groupsOfLayers } from '../arguments.ts';
import type { Backend, ChunkInfo, Codec, CodecProfile, Cut, EncodeRequest, ProfileInfo } from '../codec.ts';
import { CodecError } from '../errors.ts';
import type { Binding, BoundProfile, DecodeArguments, EncodeArguments } from './binding.ts';
import { toCodecError } from './errors.ts';

/** Offsets in a chunk's header (docs/format.md, section 5). */
const FIRST_POSITION_OFFSET = 108;
const TOKEN_COUNT_OFFSET = 112;

/** The `Codec` over a compiled backend: checks arguments, converts types and errors. */
export function createBoundCodec(backend: Backend, binding: Binding): Codec {
  const read = (chunk: Uint8Array, how: (chunk: Uint8Array) => string): ChunkInfo => {
    checkBytes(chunk, 'chunk');
    return guard(() => JSON.parse(how(chunk)));
  };
  const inspectChunk = (chunk: Uint8Array) => read(chunk, binding.inspectChunk);
  const cutChunk = (chunk: Uint8Array, cut: Cut) => {
    checkBytes(chunk, 'chunk');
    if ('level' in cut) return guard(() => binding.cutChunkLevel(chunk, cut.level));
    if ('maxBytes' in cut) {
      checkBudget(cut.maxBytes, 'maxBytes');
      return guard(() => binding.cutChunkMaxBytes(chunk, cut.maxBytes));
    }
    const groups = groupsOfLayers(inspectChunk(chunk), cut);
    return guard(() => binding.cutChunkGroups(chunk, Uint8Array.from(groups)));
  };
  return {
    backend,
    loadProfile: (file, options = {}) => {
      checkBytes(file, 'profile file');
      if (options.maxMemoryBytes !== undefined) checkBudget(options.maxMemoryBytes, 'maxMemoryBytes');
      return boundProfile(guard(() => binding.openProfile(file, options.maxMemoryBytes)));
    },
    inspectChunk,
    validateChunk: (chunk) => read(chunk, binding.validateChunk),
    cutChunk,
  };
}

function boundProfile(profile: BoundProfile): CodecProfile {
  const info: ProfileInfo = guard(() => JSON.parse(profile.info()));
  let open: BoundProfile | undefined = profile;
  const opened = () => {
    if (open === undefined) throw new CodecError('invalid-argument', 'the profile is closed');
    return open;
  };
  const encodeArguments = (request: EncodeRequest): EncodeArguments => {
    checkEncodeRequest(request, info);
    const { planes, chunkId, exactFirstToken, firstTokenId, onlyLevel } = request;
    const { data, firstPosition, tokenCount } = planes;
    return [data, firstPosition, tokenCount, chunkId, exactFirstToken, firstTokenId, onlyLevel];
  };
  const decodeArguments = (chunk: Uint8Array, level?: string, partial = false): DecodeArguments => {
    checkBytes(chunk, 'chunk');
    return [chunk, level, partial];
  };
  const toPlanes = (chunk: Uint8Array, data: Uint16Array): KvPlanes => {
    const header = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const { layers, kvHeads, keyHeadDim, valueHeadDim } = info;
    return {
      geometry: { layers, kvHeads, keyHeadDim, valueHeadDim },
      firstPosition: header.getUint32(FIRST_POSITION_OFFSET, true),
      tokenCount: header.getUint16(TOKEN_COUNT_OFFSET, true),
      data,
    };
  };
  const encodeChunk: CodecProfile['encodeChunk'] = (request) => {
    const bound = opened();
    const args = encodeArguments(request);
    return guard(() => bound.encodeChunk(...args));
  };
  const decodeChunk: CodecProfile['decodeChunk'] = (chunk, options) => {
    const bound = opened();
    const args = decodeArguments(chunk, options?.level, options?.partial);
    return toPlanes(
      chunk,
      guard(() => bound.decodeChunk(...args)),
    );
  };
  return {
    info,
    encodeChunk,
    decodeChunk,
    encodeChunkAsync: async (request) => {
      const bound = opened();
      if (bound.encodeChunkAsync === undefined) return encodeChunk(request);
      return bound.encodeChunkAsync(...encodeArguments(request)).catch(rethrow);
    },
    decodeChunkAsync: async (chunk, options) => {
      const bound = opened();
      if (bound.decodeChunkAsync === undefined) return decodeChunk(chunk, options);
      const args = decodeArguments(chunk, options?.level, options?.partial);
      return toPlanes(chunk, await bound.decodeChunkAsync(...args).catch(rethrow));
    },
    close: () => {
      open?.release();
      open = undefined;
    },
  };
}

function guard<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toCodecError(error);
  }
}

function rethrow(error: unknown): never {
  throw toCodecError(error);
}
