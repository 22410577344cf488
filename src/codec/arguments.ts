import { type KvGeometry, sameGeometry, valuesPerToken } from '../engine/planes.ts';
import { type CachegenModel, type ChunkInfo, CODEC_CACHEGEN, type Cut, type EncodeRequest } from './codec.ts';
import { CodecError } from './errors.ts';

const MAX_U32 = 2 ** 32 - 1;
const MAX_U16 = 65_535;
const MAX_GROUPS = 256;
const MAX_CHUNK_TOKENS = 256;
const CHUNK_ID_BYTES = 32;

/** Refuses a request that does not fit the model, before a backend sees it: `invalid-argument`. */
export function checkEncodeRequest(request: EncodeRequest, geometry: KvGeometry): void {
  const { planes, chunkId, firstTokenId } = request;
  checkWhole(planes.tokenCount, 1, MAX_CHUNK_TOKENS, 'tokenCount');
  checkWhole(planes.firstPosition, 0, MAX_U32, 'firstPosition');
  checkWhole(firstTokenId, 0, MAX_U32, 'firstTokenId');
  checkBytes(chunkId, 'chunkId');
  if (chunkId.length !== CHUNK_ID_BYTES) {
    throw refuse(`chunkId has ${chunkId.length} bytes, expected ${CHUNK_ID_BYTES}`);
  }
  if (!sameGeometry(planes.geometry, geometry))
    throw refuse('the planes have another geometry than the profile or model');
  const values = planes.tokenCount * valuesPerToken(planes.geometry);
  if (!(planes.data instanceof Uint16Array) || planes.data.length !== values) {
    throw refuse(`planes.data has ${planes.data?.length} values, expected ${values} in a Uint16Array`);
  }
}

/** Numbers of the groups that hold a plane of the layers (docs/format.md, section 8). */
export function groupsOfLayers(
  info: ChunkInfo,
  { layers, groups = ownGroups(info) }: Extract<Cut, { layers: unknown }>,
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

/** The groups of codec 2 (section 12.3). */
function ownGroups({ codec, layers }: ChunkInfo): { members: number[] }[] {
  if (codec !== CODEC_CACHEGEN) throw refuse('a cut by layers needs the groups of the profile');
  const span = Math.ceil(layers / MAX_GROUPS);
  return Array.from({ length: Math.ceil(layers / span) }, (_, group) => ({
    members: Array.from({ length: 2 * span }, (_, i) => 2 * span * group + i),
  }));
}

/** The fingerprint's bytes. */
export function checkCachegenModel(model: CachegenModel): Uint8Array {
  const { modelFingerprint, layers, kvHeads, keyHeadDim, valueHeadDim } = model;
  for (const [what, value] of Object.entries({ layers, kvHeads, keyHeadDim, valueHeadDim })) {
    checkWhole(value, 1, MAX_U16, what);
  }
  if (!/^[0-9a-f]{64}$/.test(modelFingerprint)) throw refuse(`modelFingerprint is ${modelFingerprint}`);
  return Uint8Array.from(modelFingerprint.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
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
