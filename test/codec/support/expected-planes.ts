/// <reference lib="esnext.float16" />
import type { KvGeometry } from '../../../src/engine/planes.ts';
import type { SampleChunk } from './sample-chunk.ts';
import { type BlockSpec, columnCount, type GroupSpec, type ProfileSpec } from './write-profile.ts';

/**
 * The planes of a sample by the formulas of docs/format.md, sections 6.1 and 6.3, in f64, value by value; only the
 * rotary angles are computed in f32, as the format demands. `heldSegments`: how many segments the decoder was given.
 */
export function expectedPlanes(
  profile: ProfileSpec,
  { spec, prelude, integer }: SampleChunk,
  heldSegments: number = spec.segments.length,
): Float64Array {
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = profile.geometry;
  const lastPass = new Map<string, number>();
  for (const { group, band, pass } of spec.segments.slice(0, heldSegments)) {
    lastPass.set(`${group}/${band}`, pass);
  }
  const coefficient = (g: number, token: number, i: number) => {
    const band = profile.groups[g]!.bandEnds.findIndex((end) => i < end);
    const pass = lastPass.get(`${g}/${band}`);
    if (pass === undefined) return 0;
    const step =
      (Math.fround(profile.baseStep) * 3 ** (prelude.shifts[prelude.rowOfGroup![g]!]![token]! / 4)) /
      3 ** pass;
    return integer(g, token, i, pass) * step;
  };
  const result: number[] = [];
  for (let plane = 0; plane < 2 * layers; plane++) {
    const headDim = plane % 2 === 0 ? keyHeadDim : valueHeadDim;
    const dim = kvHeads * headDim;
    for (let token = 0; token < spec.tokenCount; token++) {
      const coded = prelude.mode === 0 ? token : token - 1;
      if (coded < 0) {
        const planes =
          prelude.mode === 1 ? prelude.exactPlanes! : profile.firstTokens[prelude.index!]!.planes;
        const before = planesBefore(profile, plane);
        result.push(...Float16Array.from(planes.slice(before, before + dim)));
        continue;
      }
      const row = Array.from({ length: dim }, (_, c) => {
        const { mean, weight } = profile.planes[plane]!;
        let sum = 0;
        for (const [g, group] of profile.groups.entries()) {
          const at = rowOf(profile, group, plane);
          if (at < 0) continue;
          for (let i = 0; i < group.rank; i++) {
            sum += basis(profile, group, i, at + c) * coefficient(g, coded, i);
          }
        }
        return Math.fround(mean[c]!) + sum / Math.fround(weight[c]!);
      });
      if (plane % 2 === 0) rotateRow(profile, row, spec.firstPosition + token);
      result.push(...row);
    }
  }
  return Float64Array.from(result);
}

function planesBefore({ geometry }: ProfileSpec, plane: number): number {
  const { kvHeads, keyHeadDim, valueHeadDim } = geometry;
  return kvHeads * (Math.ceil(plane / 2) * keyHeadDim + Math.floor(plane / 2) * valueHeadDim);
}

/** First row of U that belongs to `plane`, or -1. */
function rowOf({ geometry }: ProfileSpec, group: GroupSpec, plane: number): number {
  if (!group.members.includes(plane)) return -1;
  return rowsOf(
    geometry,
    group.members.filter((member) => member < plane),
  );
}

function rowsOf({ kvHeads, keyHeadDim, valueHeadDim }: KvGeometry, members: number[]): number {
  const dims = members.map((member) => kvHeads * (member % 2 === 0 ? keyHeadDim : valueHeadDim));
  return dims.reduce((sum, dim) => sum + dim, 0);
}

function basis({ geometry }: ProfileSpec, group: GroupSpec, column: number, row: number): number {
  if (group.parts === undefined) return entry(group.blocks, column, row);
  let [members, firstRow, firstColumn] = [group.members, 0, 0];
  for (const { memberCount, blocks } of group.parts) {
    const rows = rowsOf(geometry, members.slice(0, memberCount));
    if (row < firstRow + rows) {
      const inner = Array.from({ length: columnCount(blocks) }, (_, k) => k);
      return inner
        .map((k) => entry(blocks, k, row - firstRow) * entry(group.blocks, column, firstColumn + k))
        .reduce((total, term) => total + term, 0);
    }
    members = members.slice(memberCount);
    firstRow += rows;
    firstColumn += columnCount(blocks);
  }
  throw new Error(`no row ${row}`);
}

/** A value of a matrix. */
function entry(blocks: BlockSpec[], column: number, row: number): number {
  let local = column;
  for (const { type, scales, columns } of blocks) {
    if (local < columns.length) {
      const value = columns[local]![row]!;
      return type === 1 ? Math.f16round(value) : value * Math.fround(scales[local]!);
    }
    local -= columns.length;
  }
  throw new Error(`no column ${column}`);
}

function rotateRow({ geometry, rope }: ProfileSpec, row: number[], position: number): void {
  for (let i = 0; i < rope.dims / 2; i++) {
    const [a, b] = rope.layout === 1 ? [2 * i, 2 * i + 1] : [i, i + rope.dims / 2];
    const angle = f32Angle(rope, position, i);
    for (let head = 0; head < geometry.kvHeads; head++) {
      const at = head * geometry.keyHeadDim;
      const [x, y] = [row[at + a!]!, row[at + b!]!];
      row[at + a!] = x * Math.cos(angle) - y * Math.sin(angle);
      row[at + b!] = x * Math.sin(angle) + y * Math.cos(angle);
    }
  }
}

function f32Angle(rope: ProfileSpec['rope'], position: number, pair: number): number {
  const f = Math.fround;
  let theta = f(position);
  for (let i = 0; i < pair; i++) theta = f(theta * f(f(rope.freqBase) ** (-2 / rope.dims)));
  return f(f(rope.freqScale) * f(theta / f(rope.factors[pair] ?? 1)));
}
