import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../src/engine/errors.ts';
import {
  type KvPlanes,
  planeOf,
  slicePlanes,
  validateChunks,
  valuesPerToken,
} from '../../src/engine/planes.ts';
import { geometryArbitrary, planesOf, smallGeometry } from './synthetic.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof EngineError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('planes', () => {
  it('lay planes out as [layer][K|V][token][value] without gap', () => {
    const planes = planesOf(smallGeometry, 0, 5);
    let end = planes.data.byteOffset;
    for (let layer = 0; layer < smallGeometry.layers; layer++) {
      for (const kind of ['key', 'value'] as const) {
        const plane = planeOf(planes, layer, kind);
        expect(plane.byteOffset).toBe(end);
        end += plane.byteLength;
      }
    }
    expect(end).toBe(planes.data.byteOffset + planes.data.byteLength);
  });

  it('slice to chunks that tile the context again', () => {
    fc.assert(
      fc.property(
        geometryArbitrary,
        fc.integer({ min: 2, max: 9 }),
        fc.nat(),
        (geometry, tokenCount, seed) => {
          const whole = planesOf(geometry, 0, tokenCount);
          const cut = 1 + (seed % (tokenCount - 1));
          const chunks = [
            slicePlanes(whole, { start: 0, end: cut }),
            slicePlanes(whole, { start: cut, end: tokenCount }),
          ];
          validateChunks(geometry, chunks, tokenCount);
          for (const chunk of chunks) {
            const row = geometry.kvHeads * geometry.valueHeadDim;
            const from = chunk.firstPosition * row;
            expect(planeOf(chunk, geometry.layers - 1, 'value')).toEqual(
              planeOf(whole, geometry.layers - 1, 'value').subarray(from, from + chunk.tokenCount * row),
            );
          }
        },
      ),
    );
  });

  it('refuse a range outside', () => {
    const planes = planesOf(smallGeometry, 4, 3);
    expect(codeOf(() => slicePlanes(planes, { start: 3, end: 5 }))).toBe('planes-mismatch');
    expect(codeOf(() => slicePlanes(planes, { start: 5, end: 8 }))).toBe('planes-mismatch');
    expect(codeOf(() => slicePlanes(planes, { start: 6, end: 5 }))).toBe('planes-mismatch');
    expect(slicePlanes(planes, { start: 7, end: 7 }).tokenCount).toBe(0);
  });

  it.each<[string, (planes: KvPlanes) => KvPlanes[]]>([
    ['another geometry', (planes) => [{ ...planes, geometry: { ...planes.geometry, kvHeads: 9 } }]],
    ['a gap before the first chunk', (planes) => [{ ...planes, firstPosition: 1 }]],
    ['a repeated chunk', (planes) => [planes, planes]],
    ['too few values', (planes) => [{ ...planes, data: planes.data.subarray(1) }]],
    ['an empty chunk', () => [planesOf(smallGeometry, 0, 0)]],
    ['no chunk', () => []],
  ])('refuse %s', (_, chunksOf) => {
    expect(codeOf(() => validateChunks(smallGeometry, chunksOf(planesOf(smallGeometry, 0, 4)), 4))).toBe(
      'planes-mismatch',
    );
  });

  it('refuse infinity and NaN wherever they are, and nothing else', () => {
    const tokenCount = 3;
    const values = tokenCount * valuesPerToken(smallGeometry);
    fc.assert(
      fc.property(
        fc.nat(values - 1),
        fc.integer({ min: 0, max: 0xffff }),
        fc.boolean(),
        (index, bits, odd) => {
          const planes = planesOf(smallGeometry, 0, tokenCount);
          // An odd start forces the path that cannot look at two values at once.
          const data = odd ? new Uint16Array(values + 1).subarray(1) : planes.data;
          data[index] = bits;
          const finite = (bits & 0x7c00) !== 0x7c00;
          const outcome = codeOf(() => validateChunks(smallGeometry, [{ ...planes, data }], tokenCount));
          expect(outcome).toBe(finite ? 'accepted' : 'planes-mismatch');
        },
      ),
      { numRuns: 500 },
    );
  });
});
