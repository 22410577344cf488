import type { KvGeometry, KvPlanes } from '../../engine/planes.ts';
import { checkBudget, checkBytes, checkCachegenModel, checkEncodeRequest } from '../arguments.ts';
import type { ChunkCoder, Codec, DecodeOptions, EncodeRequest } from '../codec.ts';
import { decodeCachegen } from './cachegen-decode.ts';
import { parseHeader } from './chunk-header.ts';
import { cut } from './cut.ts';
import { decode } from './decode.ts';
import { fail } from './fail.ts';
import { checkGeometry } from './geometry.ts';
import { parseProfile } from './profile.ts';
import { validate } from './validate.ts';

/**
 * The codec as docs/format.md has it, slow and readable: the judge of the other backends. It decodes only;
 * `encodeChunk` throws `unsupported`. Node only (SHA-256 and fp16 from the platform).
 */
export function createReferenceCodec(): Codec {
  return {
    backend: 'reference',
    loadProfile: (file, { maxMemoryBytes } = {}) => {
      if (maxMemoryBytes !== undefined) checkBudget(maxMemoryBytes, 'maxMemoryBytes');
      const profile = parseProfile(checkBytes(file, 'profile file'));
      const decodeWith = (chunk: Uint8Array, options?: DecodeOptions) =>
        decode(profile, chunk, options, maxMemoryBytes);
      return { info: profile.info, ...openCoder(profile.geometry, decodeWith) };
    },
    openCachegen: (model, { maxMemoryBytes } = {}) => {
      checkCachegenModel(model);
      checkGeometry(model);
      if (maxMemoryBytes !== undefined) checkBudget(maxMemoryBytes, 'maxMemoryBytes');
      return openCoder(model, (chunk, options) => decodeCachegen(model, chunk, options, maxMemoryBytes));
    },
    inspectChunk: (chunk) => parseHeader(checkBytes(chunk, 'chunk')),
    validateChunk: (chunk) => validate(checkBytes(chunk, 'chunk')),
    cutChunk: (chunk, wanted) => cut(checkBytes(chunk, 'chunk'), wanted),
  };
}

function openCoder(
  geometry: KvGeometry,
  decodeWith: (chunk: Uint8Array, options?: DecodeOptions) => KvPlanes,
): ChunkCoder {
  let isOpen = true;
  const checkOpen = () => {
    if (!isOpen) fail('invalid-argument', 'the profile or codec is closed');
  };
  const encodeChunk = (request: EncodeRequest) => {
    checkOpen();
    checkEncodeRequest(request, geometry);
    return fail('unsupported', 'the reference codec does not encode; take the wasm or native one');
  };
  const decodeChunk: ChunkCoder['decodeChunk'] = (chunk, options) => {
    checkOpen();
    return decodeWith(checkBytes(chunk, 'chunk'), options);
  };
  return {
    encodeChunk,
    decodeChunk,
    encodeChunkAsync: async (request) => encodeChunk(request),
    decodeChunkAsync: async (chunk, options) => decodeChunk(chunk, options),
    close: () => {
      isOpen = false;
    },
  };
}
