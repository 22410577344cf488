import type { ChunkSegment } from '../codec.ts';
import type { CoefficientClass } from './profile-class.ts';
import type { Group } from './profile-group.ts';
import { LANES, type Row } from './rows.ts';
import { readParts, type SegmentParts } from './segment-parts.ts';

/** The integers of one group: `q[token * rank + coefficient]`, and the last pass of each band. */
export interface GroupIntegers {
  q: Int32Array;
  /** -1: the band has no segment. */
  passes: number[];
}

/** docs/format.md, sections 6.4 to 6.6: decodes one segment into the integers of its group. */
export function decodeSegment(
  bytes: Uint8Array,
  { band, pass }: ChunkSegment,
  group: Group,
  classes: CoefficientClass[],
  rows: Row[],
  integers: GroupIntegers,
): void {
  const isRefinement = integers.passes[band]! >= 0;
  const parts = readParts(bytes, Math.min(LANES, rows[0]!.tokens.length), isRefinement);
  for (let i = band === 0 ? 0 : group.bandEnds[band - 1]!; i < group.bandEnds[band]!; i++) {
    for (const row of rows) {
      const k = group.scaleExponents[i]! + 8 * pass + parts.classShift - 2 * row.shift;
      const clamped = Math.min(Math.max(k, 0), classes.length - 1);
      const indices = row.tokens.map((token) => token * group.rank + i);
      if (isRefinement) refineRow(parts, classes[clamped]!, indices, integers.q);
      else decodeBaseRow(parts, classes[clamped]!, indices, integers.q);
    }
  }
  parts.rans.end();
  parts.escapes.end();
  integers.passes[band] = pass;
}

export function decodeBaseRow(
  parts: SegmentParts,
  table: CoefficientClass,
  indices: number[],
  q: Int32Array,
): void {
  const A = table.maxMagnitude;
  const symbols = parts.rans.decodeRow(indices.map(() => table.base));
  for (const [lane, symbol] of symbols.entries()) {
    q[indices[lane]!] = symbol === 2 * A + 1 ? parts.escapes.next(A, table.escapeOrder) : symbol - A;
  }
}

/** A row of a refinement mixes two tables: each lane's parent chooses. */
export function refineRow(
  parts: SegmentParts,
  table: CoefficientClass,
  indices: number[],
  q: Int32Array,
): void {
  const tables = indices.map((index) => (q[index] === 0 ? table.zero : table.nonzero));
  const symbols = parts.rans.decodeRow(tables);
  for (const [lane, symbol] of symbols.entries()) {
    const parent = q[indices[lane]!]!;
    const r = symbol - 1;
    q[indices[lane]!] = 3 * parent + (parent === 0 ? r : r * Math.sign(parent));
  }
}
