import type { KvGeometry } from '../../../src/engine/planes.ts';
import { ByteWriter } from './byte-writer.ts';
import { sealEnd } from './crc.ts';

export interface SegmentSpec {
  group: number;
  band: number;
  pass: number;
  slopeBits: number;
  bytes: Uint8Array;
}

/** Every field of docs/format.md section 5; the writer checks nothing. */
export interface ChunkSpec {
  magic: string;
  version: number;
  codec: number;
  flags: number;
  modelFingerprint: string;
  profileId: string;
  chunkId: string;
  firstPosition: number;
  tokenCount: number;
  geometry: KvGeometry;
  /** With the number of segments that each level holds. */
  levels: { name: string; segments: number; predictedKld: number }[];
  /** With its CRC. */
  prelude: Uint8Array;
  segments: SegmentSpec[];
}

export function writeChunk(spec: ChunkSpec): Uint8Array {
  const headerBytes = 129 + 24 * spec.levels.length + 8 * spec.segments.length + 4;
  const w = new ByteWriter();
  w.ascii(spec.magic).u16(spec.version).u8(spec.codec).u8(spec.flags).u32(headerBytes);
  w.hex(spec.modelFingerprint).hex(spec.profileId).hex(spec.chunkId);
  w.u32(spec.firstPosition).u16(spec.tokenCount);
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = spec.geometry;
  w.u16(layers).u16(kvHeads).u16(keyHeadDim).u16(valueHeadDim);
  w.u8(spec.levels.length).u16(spec.segments.length).u32(spec.prelude.length);
  for (const { name, segments, predictedKld } of spec.levels) {
    const held = spec.segments.slice(0, segments).reduce((sum, { bytes }) => sum + bytes.length, 0);
    w.ascii(name, 16)
      .u32(headerBytes + spec.prelude.length + held)
      .f32(predictedKld);
  }
  for (const { group, band, pass, slopeBits, bytes } of spec.segments) {
    w.u8(group)
      .u8(band + 16 * pass)
      .u16(slopeBits)
      .u32(bytes.length);
  }
  w.u32(0);
  const header = w.finish();
  sealEnd(header);
  return Uint8Array.from(Buffer.concat([header, spec.prelude, ...spec.segments.map(({ bytes }) => bytes)]));
}

/** Makes the header's CRC right again after a test changed bytes. Changes `chunk` in place and returns it. */
export function sealHeader(chunk: Uint8Array): Uint8Array {
  const headerBytes = new DataView(chunk.buffer, chunk.byteOffset).getUint32(8, true);
  sealEnd(chunk.subarray(0, headerBytes));
  return chunk;
}

export interface PreludeSpec {
  mode: number;
  /** Mode 1. */
  exactPlanes?: number[];
  /** Mode 2. */
  index?: number;
  shiftMode: number;
  /** By row. */
  shifts: number[][];
  /** Mode 2 of the shifts: row of each group. */
  rowOfGroup?: number[];
}

export function writePrelude(spec: PreludeSpec): Uint8Array {
  const w = new ByteWriter().u8(spec.mode);
  if (spec.mode === 1) w.f16(...(spec.exactPlanes ?? []));
  if (spec.mode === 2) w.u8(spec.index ?? 0);
  w.u8(spec.shiftMode);
  if (spec.shiftMode === 2) {
    const rowOfGroup = spec.rowOfGroup ?? [];
    w.u8(spec.shifts.length).u8(rowOfGroup.length).bytes(rowOfGroup);
  }
  for (const row of spec.shiftMode === 0 ? [] : spec.shifts) {
    for (let i = 0; i < row.length; i += 2) {
      const later = row[i + 1];
      w.u8(row[i]! + 11 + (later === undefined ? 0 : 16 * (later + 11)));
    }
  }
  const prelude = w.u32(0).finish();
  sealEnd(prelude);
  return prelude;
}
