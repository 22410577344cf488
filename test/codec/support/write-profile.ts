import type { KvGeometry } from '../../../src/engine/planes.ts';
import { ByteWriter } from './byte-writer.ts';
import { sealEnd } from './crc.ts';

export interface ClassSpec {
  maxMagnitude: number;
  escapeOrder: number;
  base: number[];
  zero: number[];
  nonzero: number[];
}

export interface BlockSpec {
  type: number;
  /** Types 2 and 3: one per column. */
  scales: number[];
  /** [column][row]: values (type 1) or integers (types 2 and 3). */
  columns: number[][];
}

export interface GroupSpec {
  members: number[];
  rank: number;
  bandEnds: number[];
  scaleExponents: number[];
  blocks: BlockSpec[];
  /** Of a basis that is a product; `blocks` are then the mix's. */
  parts?: { memberCount: number; blocks: BlockSpec[] }[];
}

/** Every field of docs/format.md section 4; the writer checks nothing, so tests can make wrong ones. */
export interface ProfileSpec {
  magic: string;
  version: number;
  reserved: number;
  modelFingerprint: string;
  geometry: KvGeometry;
  rope: { layout: number; dims: number; freqBase: number; freqScale: number; factors: number[] };
  baseStep: number;
  levelNames: string[];
  kldPerDistortion: number;
  planes: { mean: number[]; weight: number[] }[];
  classes: ClassSpec[];
  groups: GroupSpec[];
  firstTokens: { id: number; planes: number[] }[];
  predictorKind: number;
  predictor: Uint8Array;
}

export function writeProfile(spec: ProfileSpec): Uint8Array {
  const w = new ByteWriter();
  w.ascii(spec.magic).u16(spec.version).u16(spec.reserved).u32(0).hex(spec.modelFingerprint);
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = spec.geometry;
  w.u16(layers).u16(kvHeads).u16(keyHeadDim).u16(valueHeadDim);
  w.u8(spec.rope.layout).u16(spec.rope.factors.length).u16(spec.rope.dims);
  w.f32(spec.rope.freqBase, spec.rope.freqScale, ...spec.rope.factors, spec.baseStep);
  w.u8(spec.levelNames.length);
  for (const name of spec.levelNames) w.ascii(name, 16);
  w.f32(spec.kldPerDistortion);
  for (const { mean, weight } of spec.planes) w.f32(...mean).f32(...weight);
  w.u8(spec.classes.length);
  for (const c of spec.classes) {
    w.u8(c.maxMagnitude).u8(c.escapeOrder);
    for (const freq of [...c.base, ...c.zero, ...c.nonzero]) w.u16(freq);
  }
  w.u8(spec.groups.length);
  for (const group of spec.groups) writeGroup(w, group);
  w.u8(spec.firstTokens.length);
  for (const { id, planes } of spec.firstTokens) w.u32(id).f16(...planes);
  w.u8(spec.predictorKind).bytes(spec.predictor).u32(0);
  return sealProfile(w.finish());
}

function writeGroup(w: ByteWriter, group: GroupSpec): void {
  w.u16(group.members.length);
  for (const member of group.members) w.u16(member);
  w.u16(group.rank).u8(group.bandEnds.length);
  for (const end of group.bandEnds) w.u16(end);
  w.bytes(group.scaleExponents);
  if (group.parts !== undefined) {
    w.u8(0).u8(group.parts.length);
    for (const { memberCount, blocks } of group.parts) w.u16(memberCount).u16(columnCount(blocks));
    for (const { blocks } of group.parts) writeMatrix(w, blocks);
  }
  writeMatrix(w, group.blocks);
}

export function columnCount(blocks: BlockSpec[]): number {
  return blocks.reduce((total, { columns }) => total + columns.length, 0);
}

function writeMatrix(w: ByteWriter, blocks: BlockSpec[]): void {
  w.u8(blocks.length);
  for (const { type, columns } of blocks) w.u16(columns.length).u8(type);
  for (const { type, scales, columns } of blocks) {
    w.f32(...scales);
    for (const column of columns) writeColumn(w, type, column);
  }
}

function writeColumn(w: ByteWriter, type: number, column: number[]): void {
  if (type === 1) w.f16(...column);
  else if (type === 2) w.bytes(column);
  else w.bytes(Array.from({ length: Math.ceil(column.length / 2) }, (_, i) => packed(column, i)));
}

function packed(column: number[], i: number): number {
  return (column[2 * i]! & 15) | (((column[2 * i + 1] ?? 0) & 15) << 4);
}

/** Makes size and CRC right again after a test changed bytes. Changes `file` in place and returns it. */
export function sealProfile(file: Uint8Array): Uint8Array {
  new DataView(file.buffer, file.byteOffset).setUint32(8, file.length, true);
  sealEnd(file);
  return file;
}
