import type { KvGeometry, KvPlanes } from '../../engine/planes.ts';
import {
  checkBudget,
  checkBytes,
  checkCachegenModel,
  checkEncodeRequest,
  groupsOfLayers,
} from '../arguments.ts';
import type {
  Backend,
  ChunkCoder,
  ChunkInfo,
  Codec,
  CodecProfile,
  Cut,
  EncodeRequest,
  ProfileInfo,
} from '../codec.ts';
import { CodecError } from '../errors.ts';
import type { Binding, BoundCoder, BoundProfile, DecodeArguments, EncodeArguments } from './binding.ts';
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
    openCachegen: (model, options = {}) => {
      const fingerprint = checkCachegenModel(model);
      if (options.maxMemoryBytes !== undefined) checkBudget(options.maxMemoryBytes, 'maxMemoryBytes');
      const shape = Uint16Array.of(model.layers, model.kvHeads, model.keyHeadDim, model.valueHeadDim);
      return boundCoder(
        guard(() => binding.openCachegen(fingerprint, shape, options.maxMemoryBytes)),
        model,
      );
    },
    inspectChunk,
    validateChunk: (chunk) => read(chunk, binding.validateChunk),
    cutChunk,
  };
}

function boundProfile(profile: BoundProfile): CodecProfile {
  const info: ProfileInfo = guard(() => JSON.parse(profile.info()));
  return { info, ...boundCoder(profile, info) };
}

function boundCoder(
  coder: BoundCoder,
  { layers, kvHeads, keyHeadDim, valueHeadDim }: KvGeometry,
): ChunkCoder {
  const geometry = { layers, kvHeads, keyHeadDim, valueHeadDim };
  let open: BoundCoder | undefined = coder;
  const opened = () => {
    if (open === undefined) throw new CodecError('invalid-argument', 'the profile or codec is closed');
    return open;
  };
  const encodeArguments = (request: EncodeRequest): EncodeArguments => {
    checkEncodeRequest(request, geometry);
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
    return {
      geometry: { ...geometry },
      firstPosition: header.getUint32(FIRST_POSITION_OFFSET, true),
      tokenCount: header.getUint16(TOKEN_COUNT_OFFSET, true),
      data,
    };
  };
  const encodeChunk: ChunkCoder['encodeChunk'] = (request) => {
    const bound = opened();
    const args = encodeArguments(request);
    return guard(() => bound.encodeChunk(...args));
  };
  const decodeChunk: ChunkCoder['decodeChunk'] = (chunk, options) => {
    const bound = opened();
    const args = decodeArguments(chunk, options?.level, options?.partial);
    return toPlanes(
      chunk,
      guard(() => bound.decodeChunk(...args)),
    );
  };
  return {
    encodeChunk,
    decodeChunk,
    encodeChunkAsync: async (request) => {
      const bound = opened();
      if (bound.encodeChunkAsync === undefined) return encodeChunk(request);
      return bound.encodeChunkAsync(...encodeArguments(request)).catch(rethrow);
    },
    decodeChunkAsync: async (chunk, options) => {
      const bound = opened();
      const signal = options?.signal;
      signal?.throwIfAborted();
      if (bound.decodeChunkAsync === undefined) return decodeChunk(chunk, options);
      const args = decodeArguments(chunk, options?.level, options?.partial);
      const data = bound.decodeChunkAsync(args, signal).catch(rethrow);
      return toPlanes(chunk, await untilAborted(data, signal));
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

/** What the promise gives, unless the signal is aborted before: then its reason is thrown. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    stop = () => signal.removeEventListener('abort', onAbort);
  });
  return Promise.race([promise, aborted]).finally(stop);
}
