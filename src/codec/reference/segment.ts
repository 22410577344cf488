import type { ChunkSegment } from '../codec.ts';
import { ByteReader } from './byte-reader.ts';
import { checkLeadingCrc } from './crc32c.ts';
import { EscapeReader } from './escapes.ts';
import { fail, inRange } from './fail.ts';
import type { CoefficientClass } from './profile-class.ts';
import type { Group } from './profile-group.ts';
import { RansDecoder } from './rans.ts';
import { LANES, type Row } from './rows.ts';

/** The integers of one group: `q[token * rank + coefficient]`, and the last pass of each band. */
export interface GroupIntegers {
  q: Int32Array;
  /** -1: the band has no segment. */
  passes: number[];
}

interface SegmentParts {
  classShift: number;
  rans: RansDecoder;
  escapes: EscapeReader;
}

/** docs/format.md, section 6.7. */
function readParts(bytes: Uint8Array, lanes: number, refinement: boolean): SegmentParts {
  checkLeadingCrc(bytes, 'segment');
  const reader = new ByteReader(bytes, 'segment');
  reader.take(4);
  const escapeBytes = reader.u24();
  if (refinement && escapeBytes !== 0) fail('corrupt', 'a refinement has escapes');
  const classShift = inRange(reader.i8(), -64, 63, 'classShift');
  const wordBytes = reader.remaining - 4 * lanes - escapeBytes;
  if (wordBytes < 0 || wordBytes % 2 !== 0) fail('corrupt', `a segment has ${wordBytes} bytes of words`);
  const states = Array.from({ length: lanes }, () => reader.u32());
  const rans = new RansDecoder(states, new ByteReader(reader.take(wordBytes), 'rANS words'));
  return { classShift, rans, escapes: new EscapeReader(reader.take(escapeBytes)) };
}

/** Sections 6.4 to 6.6: decodes one segment into the integers of its group. */
export function decodeSegment(
  bytes: Uint8Array,
  { band, pass }: ChunkSegment,
  group: Group,
  classes: CoefficientClass[],
  rows: Row[],
  integers: GroupIntegers,
): void {
  const refinement = integers.passes[band]! >= 0;
  const parts = readParts(bytes, Math.min(LANES, rows[0]!.tokens.length), refinement);
  for (let i = band === 0 ? 0 : group.bandEnds[band - 1]!; i < group.bandEnds[band]!; i++) {
    for (const row of rows) {
      const k = group.scaleExponents[i]! + 8 * pass + parts.classShift - 2 * row.shift;
      const clamped = Math.min(Math.max(k, 0), classes.length - 1);
      const indices = row.tokens.map((token) => token * group.rank + i);
      if (refinement) refineRow(parts, classes[clamped]!, indices, integers.q);
      else decodeBaseRow(parts, classes[clamped]!, indices, integers.q);
    }
  }
  parts.rans.end();
  parts.escapes.end();
  integers.passes[band] = pass;
}

function decodeBaseRow(parts: SegmentParts, table: CoefficientClass, indices: number[], q: Int32Array): void {
  const A = table.maxMagnitude;
  const symbols = parts.rans.decodeRow(indices.map(() => table.base));
  for (const [lane, symbol] of symbols.entries()) {
    q[indices[lane]!] = symbol === 2 * A + 1 ? parts.escapes.next(A, table.escapeOrder) : symbol - A;
  }
}

/** A row of a refinement mixes two tables: each lane's parent chooses. */
function refineRow(parts: SegmentParts, table: CoefficientClass, indices: number[], q: Int32Array): void {
  const tables = indices.map((index) => (q[index] === 0 ? table.zero : table.nonzero));
  const symbols = parts.rans.decodeRow(tables);
  for (const [lane, symbol] of symbols.entries()) {
    const parent = q[indices[lane]!]!;
    const r = symbol - 1;
    q[indices[lane]!] = 3 * parent + (parent === 0 ? r : r * Math.sign(parent));
  }
}
