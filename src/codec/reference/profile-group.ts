import type { KvGeometry } from '../../engine/planes.ts';
import { ByteReader } from './byte-reader.ts';
import { fail, inRange, within } from './fail.ts';
import { planeDim } from './geometry.ts';
import { MAX_BANDS, MAX_GROUP_DIM } from './limits.ts';
import { readBasis } from './profile-basis.ts';

/** docs/format.md, section 4.2. */
export interface Group {
  /** Plane numbers. */
  members: number[];
  /** d: the sum of the members' dims. */
  dim: number;
  /** r: the number of coefficients. */
  rank: number;
  bandEnds: number[];
  scaleExponents: number[];
  /** Column i of U: d values, in the order of `members` and of the values within a plane. */
  column(i: number): Float32Array;
}

export function readGroup(reader: ByteReader, geometry: KvGeometry): Group {
  const members = readRising(reader, reader.u16(), 2 * geometry.layers, 2 * geometry.layers - 1, 'member');
  const dim = members.reduce((sum, plane) => sum + planeDim(geometry, plane), 0);
  within(dim, MAX_GROUP_DIM, 'd of a group');
  const rank = inRange(reader.u16(), 1, dim, 'rank');
  const bandEnds = readRising(reader, reader.u8(), MAX_BANDS, rank, 'band end');
  if (bandEnds[0] === 0) fail('corrupt', 'a band is empty');
  if (bandEnds.at(-1) !== rank) fail('corrupt', `the last band ends at ${bandEnds.at(-1)} of ${rank}`);
  const exponents = new ByteReader(reader.take(rank), 'scale exponents');
  const scaleExponents = Array.from({ length: rank }, () => exponents.i8());
  const dims = members.map((plane) => planeDim(geometry, plane));
  const column = readBasis(reader, dims, rank);
  return { members, dim, rank, bandEnds, scaleExponents, column };
}

/** `count` u16 values, strictly increasing and at most `maxValue`. */
function readRising(reader: ByteReader, count: number, maxCount: number, maxValue: number, what: string) {
  inRange(count, 1, maxCount, `number of ${what}s`);
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    const value = inRange(reader.u16(), 0, maxValue, what);
    if (i > 0 && value <= values[i - 1]!) fail('corrupt', `${what} ${value} follows ${values[i - 1]}`);
    values.push(value);
  }
  return values;
}
