import type { ChunkInfo, Codec, CodecProfile } from '../codec.ts';
import { parseHeader, segmentEnds } from './chunk-header.ts';
import { checkLeadingCrc, checkTrailingCrc } from './crc32c.ts';
import { cut } from './cut.ts';
import { decode } from './decode.ts';
import { fail } from './fail.ts';
import { type Profile, parseProfile } from './profile.ts';

/**
 * The codec as docs/format.md has it, slow and readable: the judge of the other backends. It decodes only;
 * `encodeChunk` throws `unsupported`. Node only (SHA-256 and fp16 from the platform).
 */
export function createReferenceCodec(): Codec {
  return {
    backend: 'reference',
    loadProfile: (file) => openProfile(parseProfile(file)),
    inspectChunk: parseHeader,
    validateChunk: validate,
    cutChunk: cut,
  };
}

function openProfile(profile: Profile): CodecProfile {
  let open: Profile | undefined = profile;
  const opened = () => open ?? fail('invalid-argument', 'the profile is closed');
  const encodeChunk = () => {
    opened();
    return fail('unsupported', 'the reference codec does not encode; take the wasm or native one');
  };
  const decodeChunk: CodecProfile['decodeChunk'] = (chunk, options) => decode(opened(), chunk, options);
  return {
    info: profile.info,
    encodeChunk,
    decodeChunk,
    encodeChunkAsync: async () => encodeChunk(),
    decodeChunkAsync: async (chunk, options) => decodeChunk(chunk, options),
    close: () => {
      open = undefined;
    },
  };
}

function validate(chunk: Uint8Array): ChunkInfo {
  const info = parseHeader(chunk);
  const ends = segmentEnds(info);
  if (chunk.length < info.objectBytes) {
    fail('truncated', `the chunk has ${chunk.length} bytes of ${info.objectBytes}`);
  }
  checkTrailingCrc(chunk.subarray(info.headerBytes, ends[0]!), 'prelude');
  for (const number of info.segments.keys()) {
    checkLeadingCrc(chunk.subarray(ends[number]!, ends[number + 1]!), `segment ${number}`);
  }
  return info;
}
