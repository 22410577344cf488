import type { ChunkInfo } from '../codec.ts';
import { fail, inRange } from './fail.ts';

const MAX_GROUPS = 256;

/** docs/format.md, section 12.3: the planes of a group's band. */
export function planesOf(layers: number, group: number, band: number): number[] {
  const span = Math.ceil(layers / MAX_GROUPS);
  const own = Array.from({ length: span }, (_, i) => group * span + i).filter((layer) => layer < layers);
  return own.map((layer) => 2 * layer + band);
}

/** Every segment's group and band exist, and every band begins with pass 0. */
export function checkBands({ layers, segments }: ChunkInfo): void {
  const groups = Math.ceil(layers / Math.ceil(layers / MAX_GROUPS));
  const begun = new Set<string>();
  for (const { group, band, pass } of segments) {
    inRange(group, 0, groups - 1, 'group');
    inRange(band, 0, 1, 'band');
    const key = `${group}/${band}`;
    if (!begun.has(key) && pass !== 0) fail('corrupt', `band ${key} begins with pass ${pass}`);
    begun.add(key);
  }
}

/** Section 12.4: the coded tokens in order, anchors first. */
export function tokenOrder(tokens: number, span: number): { anchors: number[]; others: number[] } {
  const all = Array.from({ length: tokens }, (_, token) => token);
  return {
    anchors: all.filter((token) => token % span === 0),
    others: all.filter((token) => token % span !== 0),
  };
}
