/// <reference lib="esnext.float16" />
import type { KvPlanes } from '../../engine/planes.ts';
import type { ChunkInfo } from '../codec.ts';
import { planeDim, planeStart, valuesPerToken } from './geometry.ts';
import { type StepShifts, shiftsOf } from './prelude.ts';
import type { Profile } from './profile.ts';
import type { Group } from './profile-group.ts';
import { rotate } from './rope.ts';
import type { GroupIntegers } from './segment.ts';

const MAX_F16 = 65504;

/** docs/format.md, section 6.1: integers to planes. */
export function reconstruct(
  profile: Profile,
  info: ChunkInfo,
  firstToken: Uint16Array | undefined,
  shifts: StepShifts,
  integers: GroupIntegers[],
): KvPlanes {
  const { geometry } = profile;
  const tokens = info.tokenCount;
  const values = new Float32Array(tokens * valuesPerToken(geometry));
  const firstCoded = firstToken === undefined ? 0 : 1;
  for (const [g, group] of profile.groups.entries()) {
    addGroup(profile, group, integers[g]!, shiftsOf(shifts, g), values, tokens, firstCoded);
  }
  const data = new Uint16Array(values.length);
  const halves = new Float16Array(data.buffer);
  for (const [plane, { mean, weight }] of profile.planes.entries()) {
    const dim = planeDim(geometry, plane);
    for (let token = 0; token < tokens; token++) {
      const start = planeStart(geometry, plane, tokens) + token * dim;
      if (token < firstCoded) {
        const from = planeStart(geometry, plane, 1);
        data.set(firstToken!.subarray(from, from + dim), start);
        continue;
      }
      const row = values
        .subarray(start, start + dim)
        .map((sum, c) => mean[c]! + Math.fround(sum / weight[c]!));
      if (plane % 2 === 0) rotate(profile.rope, row, geometry.keyHeadDim, info.firstPosition + token);
      halves.set(row.map(toF16Range), start);
    }
  }
  return { geometry: { ...geometry }, firstPosition: info.firstPosition, tokenCount: tokens, data };
}

export function toF16Range(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(Math.max(value, -MAX_F16), MAX_F16);
}

/** Adds U_g * y_g of every coded token to `values`, which has the layout of the planes. */
function addGroup(
  profile: Profile,
  group: Group,
  { q, passes }: GroupIntegers,
  shifts: number[],
  values: Float32Array,
  tokens: number,
  firstCoded: number,
): void {
  for (let i = 0; i < group.rank; i++) {
    const pass = passes[group.bandEnds.findIndex((end) => i < end)]!;
    if (pass < 0) continue;
    const column = group.column(i);
    for (const [coded, shift] of shifts.entries()) {
      const index = q[coded * group.rank + i]!;
      if (index === 0) continue;
      const y = Math.fround((index * profile.info.baseStep * 3 ** (shift / 4)) / 3 ** pass);
      let row = 0;
      for (const plane of group.members) {
        const dim = planeDim(profile.geometry, plane);
        const start = planeStart(profile.geometry, plane, tokens) + (coded + firstCoded) * dim;
        for (let c = 0; c < dim; c++) values[start + c] = values[start + c]! + column[row++]! * y;
      }
    }
  }
}
