import { createHash } from 'node:crypto';
import type {
  ChunkCoder,
  ChunkInfo,
  Codec,
  CodecProfile,
  EncodeRequest,
  ProfileInfo,
} from '../../../src/codec/codec.ts';
import { CodecError } from '../../../src/codec/errors.ts';
import { allocatePlanes, type KvPlanes } from '../../../src/engine/index.ts';
import { toHex, ZERO_ID } from '../../../src/protocol/ids.ts';
import { GEOMETRY } from './fake-engine.ts';

/**
 * A codec without compression for tests of what lies around it. A profile is JSON; a chunk is a line of JSON (its header),
 * then the planes; level `draft` holds half of them, `standard` all.
 */
export function fakeCodec(): Codec {
  return {
    backend: 'reference',
    loadProfile: (file) => fakeProfile(file),
    openCachegen: ({ modelFingerprint }) => fakeCoder(2, ZERO_ID, modelFingerprint),
    inspectChunk: (chunk) => headerOf(chunk).info,
    validateChunk: (chunk) => headerOf(chunk).info,
    cutChunk: (chunk) => chunk,
  };
}

export function fakeProfileFile(modelFingerprint: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ modelFingerprint }));
}

function fakeProfile(file: Uint8Array): CodecProfile {
  let modelFingerprint: string;
  try {
    ({ modelFingerprint } = JSON.parse(new TextDecoder().decode(file)));
  } catch (cause) {
    throw new CodecError('bad-magic', 'not a profile', { cause });
  }
  const profileId = createHash('sha256').update(file).digest('hex');
  const info: ProfileInfo = {
    profileId,
    modelFingerprint,
    ...GEOMETRY,
    baseStep: 1,
    levelNames: ['draft', 'standard'],
    groups: [],
    firstTokenIds: [],
    fileBytes: file.length,
  };
  return { info, ...fakeCoder(1, profileId, modelFingerprint) };
}

function fakeCoder(codec: number, profileId: string, modelFingerprint: string): ChunkCoder {
  const encode = (request: EncodeRequest) => encodeFake(request, { codec, profileId, modelFingerprint });
  return {
    encodeChunk: encode,
    encodeChunkAsync: async (request) => encode(request),
    decodeChunk: (chunk) => decodeFake(chunk),
    decodeChunkAsync: async (chunk) => decodeFake(chunk),
    close() {},
  };
}

function encodeFake(
  { planes, chunkId }: EncodeRequest,
  ids: Pick<ChunkInfo, 'codec' | 'profileId' | 'modelFingerprint'>,
): Uint8Array {
  const payload = new Uint8Array(planes.data.buffer, planes.data.byteOffset, planes.data.byteLength);
  const describe = (headerBytes: number): ChunkInfo => ({
    version: 1,
    subset: false,
    headerBytes,
    preludeBytes: 0,
    objectBytes: headerBytes + payload.length,
    ...ids,
    chunkId: toHex(chunkId),
    firstPosition: planes.firstPosition,
    tokenCount: planes.tokenCount,
    ...GEOMETRY,
    levels: [
      { name: 'draft', endOffset: headerBytes + payload.length / 2, predictedKld: 0.1 },
      { name: 'standard', endOffset: headerBytes + payload.length, predictedKld: 0.01 },
    ],
    segments: [],
  });
  // The header names its own size: pad to a round one.
  const headerBytes = 1024;
  const header = new TextEncoder().encode(
    `${JSON.stringify(describe(headerBytes)).padEnd(headerBytes - 1)}\n`,
  );
  const object = new Uint8Array(headerBytes + payload.length);
  object.set(header);
  object.set(payload, headerBytes);
  return object;
}

function headerOf(chunk: Uint8Array): { info: ChunkInfo; payload: Uint8Array } {
  const end = chunk.indexOf(10);
  if (end === -1) throw new CodecError('truncated', 'no header');
  try {
    const info = JSON.parse(new TextDecoder().decode(chunk.subarray(0, end))) as ChunkInfo;
    return { info, payload: chunk.subarray(end + 1) };
  } catch (cause) {
    throw new CodecError('corrupt', 'the header is damaged', { cause });
  }
}

function decodeFake(chunk: Uint8Array): KvPlanes {
  const { info, payload } = headerOf(chunk);
  if (!info.levels.some((level) => level.endOffset === chunk.length)) {
    throw new CodecError('truncated', 'not the end of a level');
  }
  const planes = allocatePlanes(GEOMETRY, info.firstPosition, info.tokenCount);
  planes.data.set(new Uint16Array(new Uint8Array(payload).buffer));
  return planes;
}
