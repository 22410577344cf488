/** Bytes `offset .. offset + length - 1`. */
export interface ByteRange {
  offset: number;
  length: number;
}

export type RangeDecision =
  | { kind: 'whole' }
  | { kind: 'part'; range: ByteRange }
  | { kind: 'unsatisfiable' };

/**
 * What a `Range` header asks of a representation of `size` bytes (RFC 9110, section 14.2).
 *
 * A header that is malformed or of another unit is ignored, as the RFC says. So is one of several ranges, which the RFC
 * allows: the parts would cost more in framing and in reads than they save. Empty list elements count for nothing
 * (section 5.6.1.2).
 */
export function decideRange(header: string | null, size: number): RangeDecision {
  const set = header === null ? null : /^[ \t]*bytes=(.*)$/i.exec(header)?.[1];
  const specs = (set ?? '').split(',').filter((spec) => spec.trim() !== '');
  const match = specs.length === 1 ? /^[ \t]*(\d*)-(\d*)[ \t]*$/.exec(specs[0]!) : null;
  const [, first, last] = match ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' };
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0
      ? { kind: 'unsatisfiable' }
      : { kind: 'part', range: { offset: size - length, length } };
  }
  const offset = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < offset) return { kind: 'whole' };
  if (offset >= size) return { kind: 'unsatisfiable' };
  return { kind: 'part', range: { offset, length: end - offset + 1 } };
}
