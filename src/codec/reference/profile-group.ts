import type { KvGeometry } from '../../engine/planes.ts';
import { ByteReader } from './byte-reader.ts';
import { fail, inRange, within } from './fail.ts';
import { planeDim } from './geometry.ts';
import { MAX_BANDS, MAX_BLOCKS, MAX_GROUP_DIM } from './limits.ts';

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

interface Block {
  firstColumn: number;
  columns: number;
  /** 1 = f16, 2 = i8 times a scale per column. */
  type: number;
  scales: Float32Array;
  /** The columns as stored. */
  data: Uint8Array;
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
  const blocks = readBlocks(reader, rank, dim);
  return { members, dim, rank, bandEnds, scaleExponents, column: (i) => readColumn(blocks, i, dim) };
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

/** The block list, then the data of each block. */
function readBlocks(reader: ByteReader, rank: number, dim: number): Block[] {
  const count = inRange(reader.u8(), 1, MAX_BLOCKS, 'blockCount');
  let firstColumn = 0;
  const heads = Array.from({ length: count }, () => {
    const head = {
      firstColumn,
      columns: inRange(reader.u16(), 1, rank, 'columns of a block'),
      type: reader.u8(),
    };
    if (head.type !== 1 && head.type !== 2) fail('unsupported', `block type ${head.type}`);
    firstColumn += head.columns;
    return head;
  });
  if (firstColumn !== rank) fail('corrupt', `blocks have ${firstColumn} columns, the group ${rank}`);
  return heads.map((head) => {
    const scales = reader.f32Array(head.type === 2 ? head.columns : 0);
    const data = reader.take(head.columns * dim * (head.type === 1 ? 2 : 1));
    if (head.type === 1) checkFinite(data);
    return { ...head, scales, data };
  });
}

function checkFinite(data: Uint8Array): void {
  const reader = new ByteReader(data, 'f16 block');
  while (reader.remaining > 0) reader.f16();
}

function readColumn(blocks: Block[], i: number, dim: number): Float32Array {
  const block = blocks.findLast(({ firstColumn }) => firstColumn <= i)!;
  const local = i - block.firstColumn;
  const bytesPerValue = block.type === 1 ? 2 : 1;
  const start = local * dim * bytesPerValue;
  const reader = new ByteReader(block.data.subarray(start, start + dim * bytesPerValue), 'column');
  return Float32Array.from({ length: dim }, () =>
    block.type === 1 ? reader.f16() : reader.i8() * block.scales[local]!,
  );
}
