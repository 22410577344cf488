import { sameGeometry, valuesPerToken } from '../engine/planes.ts';
import type { ChunkInfo, Cut, EncodeRequest, ProfileInfo } from './codec.ts';
import { CodecError } from './errors.ts';

const MAX_U32 = 2 ** 32 - 1;
const MAX_CHUNK_TOKENS = 256;
const CHUNK_ID_BYTES = 32;

/** Refuses a request that does not fit the profile, before a backend sees it: `invalid-argument`. */
export function checkEncodeRequest(request: EncodeRequest, profile: ProfileInfo): void {
  const { planes, chunkId, firstTokenId } = request;
  checkWhole(planes.tokenCount, 1, MAX_CHUNK_TOKENS, 'tokenCount');
  checkWhole(planes.firstPosition, 0, MAX_U32, 'firstPosition');
  checkWhole(firstTokenId, 0, MAX_U32, 'firstTokenId');
  checkBytes(chunkId, 'chunkId');
  if (chunkId.length !== CHUNK_ID_BYTES) {
    throw refuse(`chunkId has ${chunkId.length} bytes, expected ${CHUNK_ID_BYTES}`);
  }
  if (!sameGeometry(planes.geometry, profile))
    throw refuse('the planes have another geometry than the profile');
  const values = planes.tokenCount * valuesPerToken(planes.geometry);
  if (!(planes.data instanceof Uint16Array) || planes.data.length !== values) {
    throw refuse(`planes.data has ${planes.data?.length} values, expected ${values} in a Uint16Array`);
  }
}

/** Numbers of the groups that hold a plane of the layers (docs/format.md, section 8). */
export function groupsOfLayers(
  info: ChunkInfo,
  { layers, groups }: Extract<Cut, { layers: unknown }>,
): number[] {
  const [first, last] = layers;
  checkWhole(last, 0, info.layers - 1, 'last layer');
  checkWhole(first, 0, last, 'first layer');
  const unknown = info.segments.find(({ group }) => groups[group] === undefined);
  if (unknown !== undefined) {
    throw new CodecError(
      'wrong-profile',
      `group ${unknown.group} of the chunk is not among ${groups.length}`,
    );
  }
  const isKept = (plane: number) => plane >> 1 >= first && plane >> 1 <= last;
  return [...groups.keys()].filter((group) => groups[group]?.members.some(isKept));
}

/** Returns `bytes`. */
export function checkBytes(bytes: Uint8Array, what: string): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw refuse(`${what} is not a Uint8Array`);
  return bytes;
}

export function checkBudget(maxBytes: number, what: string): void {
  if (typeof maxBytes !== 'number' || Number.isNaN(maxBytes) || maxBytes < 0) {
    throw refuse(`${what} is ${maxBytes}, expected a number of bytes`);
  }
}

function checkWhole(value: number, min: number, max: number, what: string): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw refuse(`${what} is ${value}, expected a whole number in ${min}..${max}`);
  }
}

function refuse(message: string): CodecError {
  return new CodecError('invalid-argument', message);
}
