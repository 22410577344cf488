import { describe, expect, it } from 'vitest';
import { decideRange } from '../../../src/edge/http/range.ts';

const part = (offset: number, length: number) => ({ kind: 'part', range: { offset, length } });
const whole = { kind: 'whole' };
const unsatisfiable = { kind: 'unsatisfiable' };

describe('decideRange of 100 bytes (RFC 9110, section 14)', () => {
  it.each<[string | null, object]>([
    [null, whole],
    ['bytes=0-0', part(0, 1)],
    ['bytes=0-99', part(0, 100)],
    ['bytes=0-100', part(0, 100)],
    ['bytes=10-19', part(10, 10)],
    ['bytes=99-', part(99, 1)],
    ['bytes=0-', part(0, 100)],
    ['bytes=50-999999999999999999999', part(50, 50)],
    ['bytes=-1', part(99, 1)],
    ['bytes=-100', part(0, 100)],
    ['bytes=-1000', part(0, 100)],
    ['BYTES=1-2', part(1, 2)],
    ['bytes= 1-2 ', part(1, 2)],
    ['bytes=100-', unsatisfiable],
    ['bytes=100-200', unsatisfiable],
    ['bytes=999999999999999999999-', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    ['bytes=5-4', whole],
    ['bytes=-', whole],
    ['bytes=', whole],
    ['bytes', whole],
    ['bytes=a-b', whole],
    ['bytes=1-b', whole],
    ['bytes=0x1-2', whole],
    ['bytes=+1-2', whole],
    ['bytes=1-2-3', whole],
    ['bytes=0-1,', part(0, 2)],
    ['bytes=, 0-1 ,,', part(0, 2)],
    ['bytes=,', whole],
    ['bytes=0-1,5-6', whole],
    ['bytes=0-1, -5', whole],
    ['items=0-1', whole],
    ['', whole],
  ])('%j', (header, expected) => {
    expect(decideRange(header, 100)).toEqual(expected);
  });

  it('has nothing to give of an empty representation', () => {
    expect(decideRange('bytes=0-', 0)).toEqual(unsatisfiable);
    expect(decideRange('bytes=-5', 0)).toEqual(unsatisfiable);
  });
});
