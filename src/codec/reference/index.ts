import { checkBudget, checkBytes, checkEncodeRequest } from '../arguments.ts';
import type { Codec, CodecProfile, EncodeRequest } from '../codec.ts';
import { parseHeader } from './chunk-header.ts';
import { cut } from './cut.ts';
import { decode } from './decode.ts';
import { fail } from './fail.ts';
import { type Profile, parseProfile } from './profile.ts';
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
      return openProfile(parseProfile(checkBytes(file, 'profile file')), maxMemoryBytes);
    },
    inspectChunk: (chunk) => parseHeader(checkBytes(chunk, 'chunk')),
    validateChunk: (chunk) => validate(checkBytes(chunk, 'chunk')),
    cutChunk: (chunk, wanted) => cut(checkBytes(chunk, 'chunk'), wanted),
  };
}

function openProfile(profile: Profile, maxMemoryBytes?: number): CodecProfile {
  let open: Profile | undefined = profile;
  const opened = () => open ?? fail('invalid-argument', 'the profile is closed');
  const encodeChunk = (request: EncodeRequest) => {
    checkEncodeRequest(request, opened().info);
    return fail('unsupported', 'the reference codec does not encode; take the wasm or native one');
  };
  const decodeChunk: CodecProfile['decodeChunk'] = (chunk, options) =>
    decode(opened(), checkBytes(chunk, 'chunk'), options, maxMemoryBytes);
  return {
    info: profile.info,
    encodeChunk,
    decodeChunk,
    encodeChunkAsync: async (request) => encodeChunk(request),
    decodeChunkAsync: async (chunk, options) => decodeChunk(chunk, options),
    close: () => {
      open = undefined;
    },
  };
}
