import { ByteReader } from './byte-reader.ts';
import { fail, inRange, within } from './fail.ts';
import { MAX_BLOCKS, MAX_MIX_ROWS, MAX_PARTS } from './limits.ts';

interface Block {
  firstColumn: number;
  columns: number;
  /** 1 = f16; 2 = i8, 3 = i4, times a scale per column. */
  type: number;
  scales: Float32Array;
  /** The columns as stored. */
  data: Uint8Array;
}

/** Column i of a matrix. */
type Column = (i: number) => Float32Array;

interface Part {
  rows: number;
  columns: number;
}

/** docs/format.md, section 4.2: U of a group whose members have `dims` values each, a matrix or a product. */
export function readBasis(reader: ByteReader, dims: number[], rank: number): Column {
  const blockCount = reader.u8();
  if (blockCount === 0) return readProduct(reader, dims, rank);
  return readMatrix(reader, blockCount, sum(dims), rank);
}

/** U = W V: column i of U is W times column i of V. */
function readProduct(reader: ByteReader, dims: number[], rank: number): Column {
  const parts = readParts(reader, dims);
  const mixRows = sum(parts.map(({ columns }) => columns));
  within(mixRows, MAX_MIX_ROWS, 'rows of a mix');
  inRange(rank, 1, mixRows, 'rank of a product');
  const bases = parts.map(({ rows, columns }) => readMatrix(reader, reader.u8(), rows, columns));
  const mix = readMatrix(reader, reader.u8(), mixRows, rank);
  return (i) => {
    const mixed = mix(i);
    const column = new Float32Array(sum(dims));
    let firstRow = 0;
    let firstColumn = 0;
    for (const [p, { rows, columns }] of parts.entries()) {
      for (let k = 0; k < columns; k++) {
        const factor = mixed[firstColumn + k]!;
        for (const [row, value] of bases[p]!(k).entries()) column[firstRow + row]! += value * factor;
      }
      firstRow += rows;
      firstColumn += columns;
    }
    return column;
  };
}

function readParts(reader: ByteReader, dims: number[]): Part[] {
  let left = dims;
  const count = inRange(reader.u8(), 1, MAX_PARTS, 'partCount');
  const parts = Array.from({ length: count }, () => {
    const members = inRange(reader.u16(), 1, left.length, 'members of a part');
    const rows = sum(left.slice(0, members));
    left = left.slice(members);
    return { rows, columns: inRange(reader.u16(), 1, rows, 'columns of a part') };
  });
  if (left.length > 0) fail('corrupt', `${left.length} members are in no part`);
  return parts;
}

const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);

/** A matrix of which the block count is read already. */
function readMatrix(reader: ByteReader, blockCount: number, rows: number, columns: number): Column {
  const blocks = readBlocks(reader, blockCount, columns, rows);
  return (i) => readColumn(blocks, i, rows);
}

/** The block list, then the data of each block. */
function readBlocks(reader: ByteReader, count: number, rank: number, dim: number): Block[] {
  inRange(count, 1, MAX_BLOCKS, 'blockCount');
  let firstColumn = 0;
  const heads = Array.from({ length: count }, () => {
    const head = {
      firstColumn,
      columns: inRange(reader.u16(), 1, rank, 'columns of a block'),
      type: reader.u8(),
    };
    if (head.type < 1 || head.type > 3) fail('unsupported', `block type ${head.type}`);
    firstColumn += head.columns;
    return head;
  });
  if (firstColumn !== rank) fail('corrupt', `blocks have ${firstColumn} columns, the matrix ${rank}`);
  return heads.map((head) => {
    const scales = reader.f32Array(head.type === 1 ? 0 : head.columns);
    const data = reader.take(head.columns * columnBytes(head.type, dim));
    if (head.type === 1) checkFinite(data);
    if (head.type === 3 && dim % 2 === 1) checkUnusedHalves(data, columnBytes(head.type, dim));
    return { ...head, scales, data };
  });
}

function checkFinite(data: Uint8Array): void {
  const reader = new ByteReader(data, 'f16 block');
  while (reader.remaining > 0) reader.f16();
}

function checkUnusedHalves(data: Uint8Array, bytes: number): void {
  for (let last = bytes - 1; last < data.length; last += bytes) {
    if (data[last]! > 15) fail('corrupt', 'the unused half of an i4 column is not zero');
  }
}

/** Bytes of a column of `dim` values, without its scale. */
function columnBytes(type: number, dim: number): number {
  if (type === 3) return Math.ceil(dim / 2);
  return type === 1 ? 2 * dim : dim;
}

function readColumn(blocks: Block[], i: number, dim: number): Float32Array {
  const block = blocks.findLast(({ firstColumn }) => firstColumn <= i)!;
  const local = i - block.firstColumn;
  const bytes = columnBytes(block.type, dim);
  const data = block.data.subarray(local * bytes, (local + 1) * bytes);
  const reader = new ByteReader(data, 'column');
  return Float32Array.from({ length: dim }, (_, row) => {
    if (block.type === 1) return reader.f16();
    const integer = block.type === 2 ? reader.i8() : signedNibble(data[row >> 1]! >> (4 * (row & 1)));
    return integer * block.scales[local]!;
  });
}

/** The lower four bits as a two's complement number. */
function signedNibble(bits: number): number {
  return ((bits & 15) ^ 8) - 8;
}
