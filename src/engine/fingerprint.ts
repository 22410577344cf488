import { createHash } from 'node:crypto';
import type { KvGeometry } from './planes.ts';

const DOMAIN = 'kvedge/model/v1\0';

/**
 * Identity of a model for chunk ids: SHA-256("kvedge/model/v1\0" || SHA-256 of the model file (32 bytes) ||
 * u32 LE layers, kvHeads, keyHeadDim, valueHeadDim). See docs/format.md.
 */
export function modelFingerprint(fileSha256: Uint8Array, geometry: KvGeometry): Uint8Array {
  if (fileSha256.length !== 32)
    throw new RangeError(`file digest: expected 32 bytes, got ${fileSha256.length}`);
  const shape = new DataView(new ArrayBuffer(16));
  shape.setUint32(0, geometry.layers, true);
  shape.setUint32(4, geometry.kvHeads, true);
  shape.setUint32(8, geometry.keyHeadDim, true);
  shape.setUint32(12, geometry.valueHeadDim, true);
  const hash = createHash('sha256')
    .update(DOMAIN, 'latin1')
    .update(fileSha256)
    .update(new Uint8Array(shape.buffer));
  return new Uint8Array(hash.digest());
}
