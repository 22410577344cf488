import { ByteWriter } from './byte-writer.ts';
import { sealStart } from './crc.ts';
import { EscapeWriter, encodeRows, type Interval } from './rans-encoder.ts';
import type { ClassSpec, GroupSpec } from './write-profile.ts';

export interface SegmentSource {
  classes: ClassSpec[];
  group: GroupSpec;
  band: number;
  pass: number;
  /** First pass of this (group, band) in the chunk. */
  firstPass: number;
  classShift: number;
  shifts: number[];
  /** The integer of a coded token's coefficient at a pass: q nests by rounding q / 3. */
  integer(token: number, coefficient: number, pass: number): number;
}

/** docs/format.md, sections 6.4 to 6.7 and 7, from the side of the encoder. */
export function writeSegment(source: SegmentSource): Uint8Array {
  const { classes, group, band, pass, shifts } = source;
  const order = shifts.map((_, t) => t).sort((a, b) => shifts[a]! - shifts[b]! || a - b);
  const rows: Interval[][] = [];
  const escapes = new EscapeWriter();
  for (let i = group.bandEnds[band - 1] ?? 0; i < group.bandEnds[band]!; i++) {
    for (let from = 0; from < order.length; from += 32) {
      const row = order.slice(from, from + 32);
      const rowShift = shifts[row[row.length >> 1]!]!;
      const k = group.scaleExponents[i]! + 8 * pass + source.classShift - 2 * rowShift;
      const table = classes[Math.max(0, Math.min(k, classes.length - 1))]!;
      rows.push(row.map((token) => symbolOf(source, table, token, i, escapes)));
    }
  }
  const lanes = Math.min(32, shifts.length);
  const { states, words } = encodeRows(rows, lanes);
  const escapeBytes = escapes.finish();
  const w = new ByteWriter().u32(0).u24(escapeBytes.length).u8(source.classShift);
  for (const state of states) w.u32(state);
  for (const word of words) w.u16(word);
  const segment = w.bytes(escapeBytes).finish();
  sealStart(segment);
  return segment;
}

function symbolOf(
  { pass, firstPass, integer }: SegmentSource,
  table: ClassSpec,
  token: number,
  i: number,
  escapes: EscapeWriter,
): Interval {
  const value = integer(token, i, pass);
  if (pass === firstPass) {
    const A = table.maxMagnitude;
    if (Math.abs(value) <= A) return interval(table.base, value + A);
    escapes.write(value, A, table.escapeOrder);
    return interval(table.base, 2 * A + 1);
  }
  const parent = integer(token, i, pass - 1);
  const r = value - 3 * parent;
  return parent === 0 ? interval(table.zero, r + 1) : interval(table.nonzero, r * Math.sign(parent) + 1);
}

function interval(freqs: number[], symbol: number): Interval {
  return { start: freqs.slice(0, symbol).reduce((sum, freq) => sum + freq, 0), freq: freqs[symbol]! };
}
