import fc from 'fast-check';
import { allocatePlanes, type KvGeometry, type KvPlanes } from '../../src/engine/planes.ts';

export const smallGeometry: KvGeometry = { layers: 2, kvHeads: 3, keyHeadDim: 4, valueHeadDim: 2 };

export const geometryArbitrary: fc.Arbitrary<KvGeometry> = fc.record({
  layers: fc.integer({ min: 1, max: 3 }),
  kvHeads: fc.integer({ min: 1, max: 3 }),
  keyHeadDim: fc.integer({ min: 1, max: 4 }),
  valueHeadDim: fc.integer({ min: 1, max: 4 }),
});

/** Planes whose finite values all differ from their neighbours'. */
export function planesOf(geometry: KvGeometry, firstPosition: number, tokenCount: number): KvPlanes {
  const planes = allocatePlanes(geometry, firstPosition, tokenCount);
  for (let i = 0; i < planes.data.length; i++) planes.data[i] = (i * 2_647 + 1) % 0x7c00;
  return planes;
}

export function tokensOf(tokenCount: number): Uint32Array {
  return Uint32Array.from({ length: tokenCount }, (_, i) => (i * 7_919) % 49_152);
}
