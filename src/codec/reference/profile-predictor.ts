import type { ByteReader } from './byte-reader.ts';
import { fail } from './fail.ts';
import type { Group } from './profile-group.ts';

/** docs/format.md, section 4.3: only encoders use it; a decoder checks its size and its numbers. */
export function skipPredictor(reader: ByteReader, groups: Group[]): void {
  const kind = reader.u8();
  if (kind === 0) return;
  if (kind !== 1) fail('unsupported', `predictor kind ${kind}`);
  reader.f32(); // gamma
  const leadCount = reader.u16();
  reader.u16(); // energyCount
  reader.positive('energyUnit');
  reader.f32(); // bias
  for (const group of groups) reader.f32Array(3 * (Math.min(leadCount, group.rank) + 1));
}
