import type { ChunkInfo } from '../codec.ts';
import { segmentEnds } from './chunk-header.ts';
import { crc32c } from './crc32c.ts';
import { fail } from './fail.ts';

/** Sizes of the header's parts (docs/format.md, section 5). */
const FIXED_BYTES = 129;
const LEVEL_BYTES = 24;
const ENTRY_BYTES = 8;
/** Offsets of the fields that change. */
const FLAGS_OFFSET = 7;
const HEADER_BYTES_OFFSET = 8;
const SEGMENT_COUNT_OFFSET = 123;
const END_OFFSET_IN_LEVEL = 16;

/** The segments of some groups as an object of its own: docs/format.md, section 8. */
export function cutLayers(chunk: Uint8Array, info: ChunkInfo, groups: readonly number[]): Uint8Array {
  if (chunk.length < info.objectBytes) {
    fail('truncated', `the chunk has ${chunk.length} bytes of ${info.objectBytes}; a layer cut needs all`);
  }
  if (chunk.length > info.objectBytes) {
    fail('corrupt', `the chunk has ${chunk.length} bytes, its header says ${info.objectBytes}`);
  }
  const kept = [...info.segments.keys()].filter((number) => groups.includes(info.segments[number]!.group));
  const ends = segmentEnds(info);
  const segments = kept.map((number) => chunk.subarray(ends[number]!, ends[number + 1]!));
  const prelude = chunk.subarray(info.headerBytes, ends[0]!);
  const sum = (parts: Uint8Array[]) => parts.reduce((bytes, part) => bytes + part.length, 0);

  const directoryStart = FIXED_BYTES + LEVEL_BYTES * info.levels.length;
  const header = new Uint8Array(directoryStart + ENTRY_BYTES * kept.length + 4);
  const view = new DataView(header.buffer);
  header.set(chunk.subarray(0, directoryStart));
  view.setUint8(FLAGS_OFFSET, 1);
  view.setUint32(HEADER_BYTES_OFFSET, header.length, true);
  view.setUint16(SEGMENT_COUNT_OFFSET, kept.length, true);
  for (const [level, { endOffset }] of info.levels.entries()) {
    const inLevel = kept.filter((number) => ends[number + 1]! <= endOffset).length;
    const end = header.length + prelude.length + sum(segments.slice(0, inLevel));
    view.setUint32(FIXED_BYTES + LEVEL_BYTES * level + END_OFFSET_IN_LEVEL, end, true);
  }
  for (const [place, number] of kept.entries()) {
    const from = directoryStart + ENTRY_BYTES * number;
    header.set(chunk.subarray(from, from + ENTRY_BYTES), directoryStart + ENTRY_BYTES * place);
  }
  view.setUint32(header.length - 4, crc32c(header.subarray(0, -4)), true);

  const object = new Uint8Array(header.length + prelude.length + sum(segments));
  let offset = 0;
  for (const part of [header, prelude, ...segments]) {
    object.set(part, offset);
    offset += part.length;
  }
  return object;
}
