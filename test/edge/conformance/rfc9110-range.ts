import { expect } from 'vitest';
import { expectPart, expectStatus, expectWhole, get, type HttpCase } from './case.ts';

const range = (value: string) => () => ({ range: value });

/** RFC 9110, section 14 (range requests), with the statuses of sections 15.3.7 and 15.5.17. */
export const rangeCases: HttpCase[] = [
  get('14.1.2: first-last', range('bytes=3-9'), (a, s) => expectPart(a, s, 3, 9)),
  get('14.1.2: the first byte', range('bytes=0-0'), (a, s) => expectPart(a, s, 0, 0)),
  get(
    '14.1.2: all bytes by number',
    (s) => ({ range: `bytes=0-${s.bytes.length - 1}` }),
    (a, s) => expectPart(a, s, 0, s.bytes.length - 1),
  ),
  get('14.1.2: open at the end', range('bytes=10-'), (a, s) => expectPart(a, s, 10, s.bytes.length - 1)),
  get(
    '14.1.2: the last byte by number',
    (s) => ({ range: `bytes=${s.bytes.length - 1}-` }),
    (a, s) => expectPart(a, s, s.bytes.length - 1, s.bytes.length - 1),
  ),
  get('14.1.2: a last position beyond the end means the end', range('bytes=5-99999999999'), (a, s) =>
    expectPart(a, s, 5, s.bytes.length - 1),
  ),
  get('14.1.2: suffix', range('bytes=-7'), (a, s) =>
    expectPart(a, s, s.bytes.length - 7, s.bytes.length - 1),
  ),
  get(
    '14.1.2: a suffix longer than the representation means all of it',
    range('bytes=-99999999999'),
    (a, s) => expectPart(a, s, 0, s.bytes.length - 1),
  ),
  get('14.1: units are case-insensitive', range('BYTES=3-9'), (a, s) => expectPart(a, s, 3, 9)),
  get('5.6.1.2: empty elements of a list count for nothing', range('bytes=3-9,'), (a, s) =>
    expectPart(a, s, 3, 9),
  ),
  get('14.2: another unit is ignored', range('lines=1-2'), expectWhole),
  get('14.2: a malformed range is ignored or refused', range('bytes=abc'), (a, s) => {
    if (a.status === 200) expectWhole(a, s);
    else expect([400, 416]).toContain(a.status);
  }),
  get('14.1.1: last before first is invalid: ignored or refused', range('bytes=9-3'), (a, s) => {
    if (a.status === 200) expectWhole(a, s);
    else expect([400, 416]).toContain(a.status);
  }),
  get('14.2: several ranges give all of them or the whole', range('bytes=0-4,10-14'), (a, s) => {
    if (a.status === 200) return expectWhole(a, s);
    expect(a.status).toBe(206);
    expect(a.headers.get('content-type')).toMatch(/^multipart\/byteranges; *boundary=/);
    expect(a.headers.has('content-range')).toBe(false);
  }),
  get(
    '14.2: a hundred overlapping ranges cost no more than the whole',
    () => ({
      range: `bytes=${Array.from({ length: 100 }, (_, i) => `${i}-`).join(',')}`,
    }),
    (a, s) => {
      expect([200, 206, 416]).toContain(a.status);
      expect(a.body.length).toBeLessThan(2 * s.bytes.length);
    },
  ),
  get(
    '14.2: Range means nothing to HEAD',
    range('bytes=3-9'),
    (a, s) => {
      expect(a.status).toBe(200);
      expect(a.headers.get('content-length')).toBe(String(s.bytes.length));
    },
    'HEAD',
  ),
  get(
    '15.5.17: a range that starts at the end is not satisfiable',
    (s) => ({ range: `bytes=${s.bytes.length}-` }),
    (a, s) => {
      expect(a.status).toBe(416);
      expect(a.headers.get('content-range')).toBe(`bytes */${s.bytes.length}`);
    },
  ),
  get('15.5.17: a suffix of no bytes is not satisfiable', range('bytes=-0'), expectStatus(416)),
  get('15.3.7: 206 has what 200 would have', range('bytes=3-9'), (a, s) => {
    expect(a.headers.get('etag')).toBe(s.etag);
    expect(a.headers.has('cache-control')).toBe(true);
    expect(a.headers.has('date')).toBe(true);
  }),
  get(
    '14.3: Accept-Ranges says what is understood',
    () => ({}),
    (a) => expect(a.headers.get('accept-ranges')).toBe('bytes'),
  ),
];
