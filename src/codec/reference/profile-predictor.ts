import type { ByteReader } from './byte-reader.ts';
import { fail } from './fail.ts';
import { MAX_SHIFT_ROWS } from './prelude.ts';
import type { Group } from './profile-group.ts';

/** docs/format.md, section 4.3: only encoders use it; a decoder checks its size and its numbers. */
export function skipPredictor(reader: ByteReader, groups: Group[]): void {
  const kind = reader.u8();
  if (kind === 0) return;
  if (kind !== 1 && kind !== 2) fail('unsupported', `predictor kind ${kind}`);
  reader.f32(); // gamma
  const leadCount = reader.u16();
  reader.u16(); // energyCount
  reader.positive('energyUnit');
  const rows = kind === 1 ? 1 : readRowCount(reader, groups);
  reader.f32Array(rows); // biases
  for (const group of groups) reader.f32Array((2 + rows) * (Math.min(leadCount, group.rank) + 1));
}

function readRowCount(reader: ByteReader, groups: Group[]): number {
  const rows = reader.u8();
  if (rows < 2 || rows > MAX_SHIFT_ROWS) fail('corrupt', `a predictor of ${rows} rows of shifts`);
  if (reader.take(groups.length).some((row) => row >= rows)) fail('corrupt', 'a group has no row of shifts');
  return rows;
}
