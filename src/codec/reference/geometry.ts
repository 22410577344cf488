import type { KvGeometry } from '../../engine/planes.ts';
import type { ByteReader } from './byte-reader.ts';
import { fail, inRange, within } from './fail.ts';
import { MAX_HEAD_DIM, MAX_KV_HEADS, MAX_LAYERS, MAX_VALUES_PER_TOKEN } from './limits.ts';

/** Number of values of one row of plane `plane` (docs/format.md, section 2). */
export function planeDim(geometry: KvGeometry, plane: number): number {
  return geometry.kvHeads * (plane % 2 === 0 ? geometry.keyHeadDim : geometry.valueHeadDim);
}

/** Number of values of one token in all planes. */
export function valuesPerToken(geometry: KvGeometry): number {
  return geometry.layers * (planeDim(geometry, 0) + planeDim(geometry, 1));
}

/** Where plane `plane` starts, in values, when every plane has `tokens` rows. */
export function planeStart(geometry: KvGeometry, plane: number, tokens: number): number {
  const pairs = Math.floor(plane / 2) * (planeDim(geometry, 0) + planeDim(geometry, 1));
  return tokens * (pairs + (plane % 2 === 0 ? 0 : planeDim(geometry, 0)));
}

/** The geometry fields that profile and chunk share, each >= 1 and under the limits of section 9. */
export function readGeometry(reader: ByteReader): KvGeometry {
  const geometry = {
    layers: within(inRange(reader.u16(), 1, 65535, 'layers'), MAX_LAYERS, 'layers'),
    kvHeads: within(inRange(reader.u16(), 1, 65535, 'kvHeads'), MAX_KV_HEADS, 'kvHeads'),
    keyHeadDim: within(inRange(reader.u16(), 1, 65535, 'keyHeadDim'), MAX_HEAD_DIM, 'keyHeadDim'),
    valueHeadDim: within(inRange(reader.u16(), 1, 65535, 'valueHeadDim'), MAX_HEAD_DIM, 'valueHeadDim'),
  };
  within(valuesPerToken(geometry), MAX_VALUES_PER_TOKEN, 'values of one token');
  return geometry;
}

/** Sizes that a caller gives: `invalid-argument` beyond the limits of section 9. */
export function checkGeometry(geometry: KvGeometry): void {
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = geometry;
  const isWithin =
    layers <= MAX_LAYERS &&
    kvHeads <= MAX_KV_HEADS &&
    Math.max(keyHeadDim, valueHeadDim) <= MAX_HEAD_DIM &&
    valuesPerToken(geometry) <= MAX_VALUES_PER_TOKEN;
  if (!isWithin) fail('invalid-argument', 'the geometry is above the limits of the format');
}

export function sameGeometry(a: KvGeometry, b: KvGeometry): boolean {
  return (
    a.layers === b.layers &&
    a.kvHeads === b.kvHeads &&
    a.keyHeadDim === b.keyHeadDim &&
    a.valueHeadDim === b.valueHeadDim
  );
}
