import { createHash } from 'node:crypto';
import type { KvGeometry } from '../../engine/planes.ts';
import type { ProfileInfo } from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { checkTrailingCrc } from './crc32c.ts';
import { fail, inRange, within } from './fail.ts';
import { planeDim, readGeometry, valuesPerToken } from './geometry.ts';
import { MAX_CLASSES, MAX_FIRST_TOKENS, MAX_LEVELS, MAX_PROFILE_BYTES } from './limits.ts';
import { type CoefficientClass, readClass } from './profile-class.ts';
import { type Group, readGroup } from './profile-group.ts';
import { skipPredictor } from './profile-predictor.ts';
import { type Rope, readRope } from './rope.ts';

/** Mean and weight of each value of one plane's row. */
interface PlaneTables {
  mean: Float32Array;
  weight: Float32Array;
}

interface FirstToken {
  id: number;
  /** fp16 bit patterns, section 2 with T = 1. */
  planes: Uint16Array;
}

export interface Profile {
  info: ProfileInfo;
  geometry: KvGeometry;
  rope: Rope;
  planes: PlaneTables[];
  classes: CoefficientClass[];
  groups: Group[];
  firstTokens: FirstToken[];
}

/** Smallest possible size: enough for magic, version, reserved, fileBytes and CRC. */
const MIN_BYTES = 16;

/** docs/format.md, section 4. */
export function parseProfile(input: Uint8Array): Profile {
  checkEnvelope(input);
  const file = input.slice();
  const reader = new ByteReader(file.subarray(0, -4), 'profile');
  reader.take(6);
  if (reader.u16() !== 0) fail('unsupported', 'reserved field of the profile is not 0');
  reader.take(4);
  const modelFingerprint = reader.id();
  const geometry = readGeometry(reader);
  const rope = readRope(reader, geometry.keyHeadDim);
  const baseStep = reader.positive('baseStep');
  const levelNames = readLevelNames(reader);
  if (reader.f32() < 0) fail('corrupt', 'kldPerDistortion is negative');
  const planes = list(2 * geometry.layers, (plane) => readPlane(reader, planeDim(geometry, plane)));
  const classes = list(inRange(reader.u8(), 1, MAX_CLASSES, 'classCount'), () => readClass(reader));
  const groups = list(inRange(reader.u8(), 1, 255, 'groupCount'), () => readGroup(reader, geometry));
  const firstTokens = readFirstTokens(reader, valuesPerToken(geometry));
  skipPredictor(reader, groups);
  reader.end();

  const info: ProfileInfo = {
    profileId: createHash('sha256').update(file).digest('hex'),
    modelFingerprint,
    ...geometry,
    baseStep,
    levelNames,
    groups: groups.map(({ members, rank, bandEnds }) => ({ members, rank, bandEnds })),
    firstTokenIds: firstTokens.map((token) => token.id),
    fileBytes: file.length,
  };
  return { info, geometry, rope, planes, classes, groups, firstTokens };
}

/** Magic, version, sizes, CRC: everything that is checked before any field is used (section 9). */
function checkEnvelope(input: Uint8Array): void {
  const reader = new ByteReader(input, 'profile');
  if (String.fromCharCode(...reader.take(4)) !== 'KVEP') fail('bad-magic', 'not a kvedge profile');
  const version = reader.u16();
  if (version !== 1) fail('unsupported', `profile version ${version}, expected 1`);
  reader.u16();
  const fileBytes = within(reader.u32(), MAX_PROFILE_BYTES, 'fileBytes');
  inRange(fileBytes, MIN_BYTES, MAX_PROFILE_BYTES, 'fileBytes');
  if (input.length < fileBytes) fail('truncated', `profile has ${input.length} bytes of ${fileBytes}`);
  if (input.length > fileBytes) fail('corrupt', `${input.length - fileBytes} bytes follow the profile`);
  checkTrailingCrc(input, 'profile');
}

function readLevelNames(reader: ByteReader): string[] {
  const names = list(inRange(reader.u8(), 1, MAX_LEVELS, 'levelCount'), () => reader.name());
  if (new Set(names).size !== names.length) fail('corrupt', `level names are not distinct: ${names}`);
  return names;
}

function readPlane(reader: ByteReader, dim: number): PlaneTables {
  const mean = reader.f32Array(dim);
  const weight = reader.f32Array(dim);
  if (!weight.every((value) => value > 0)) fail('corrupt', 'a weight is not positive');
  return { mean, weight };
}

function readFirstTokens(reader: ByteReader, values: number): FirstToken[] {
  const count = inRange(reader.u8(), 0, MAX_FIRST_TOKENS, 'firstTokenCount');
  let previous = -1;
  return list(count, () => {
    const id = reader.u32();
    if (id <= previous) fail('corrupt', `first token ${id} follows ${previous}, expected rising ids`);
    previous = id;
    return { id, planes: readPlanes(reader.take(2 * values)) };
  });
}

/** fp16 bit patterns of planes; infinities and NaN are refused. */
export function readPlanes(bytes: Uint8Array): Uint16Array {
  const reader = new ByteReader(bytes, 'exact planes');
  return Uint16Array.from({ length: bytes.length / 2 }, () => {
    const bits = reader.u16();
    if ((bits & 0x7c00) === 0x7c00) fail('corrupt', 'a value of a first token is not finite');
    return bits;
  });
}

export function list<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
