import { sampleProfile } from './sample-profile.ts';
import type { ProfileSpec } from './write-profile.ts';

/** A profile that loses nothing but by quantization: one group per plane, whose U is the whole DCT; weights are 1. */
export function orthonormalProfile(seed: number): ProfileSpec {
  const spec = sampleProfile(seed, { ropeLayout: 2 });
  for (const { weight } of spec.planes) weight.fill(1);
  spec.groups = spec.planes.map(({ mean }, plane) => {
    const dim = mean.length;
    return {
      members: [plane],
      rank: dim,
      bandEnds: [1, 4, dim],
      scaleExponents: new Array(dim).fill(16),
      blocks: [{ type: 1, scales: [], columns: mean.map((_, column) => dctColumn(column, dim)) }],
    };
  });
  return spec;
}

function dctColumn(column: number, dim: number): number[] {
  const scale = Math.sqrt((column === 0 ? 1 : 2) / dim);
  return Array.from({ length: dim }, (_, row) => scale * Math.cos((Math.PI * column * (row + 0.5)) / dim));
}
