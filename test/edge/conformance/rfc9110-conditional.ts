import { expect } from 'vitest';
import {
  expectNotModified,
  expectPart,
  expectStatus,
  expectWhole,
  get,
  type HttpCase,
  type Subject,
  shifted,
} from './case.ts';

const http = (date: Date) => date.toUTCString();
const OTHER = '"another"';

/** The same time in the two obsolete forms of section 5.6.7. */
function rfc850(date: Date): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) \d\d(\d\d) ([\d:]+)/.exec(http(date))!;
  const weekday = date.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  return `${weekday}, ${day}-${month}-${year} ${time} GMT`;
}

function asctime(date: Date): string {
  const [, weekday, day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(http(date))!;
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}

const modifiedOn = (subject: Subject) => new Date(subject.lastModified);

/** RFC 9110, section 13 (conditional requests). */
export const conditionalCases: HttpCase[] = [
  get('13.1.2: If-None-Match with the tag', (s) => ({ 'if-none-match': s.etag }), expectNotModified),
  get(
    '13.1.2: If-None-Match compares weakly',
    (s) => ({ 'if-none-match': `W/${s.etag}` }),
    expectNotModified,
  ),
  get(
    '13.1.2: If-None-Match with a list',
    (s) => ({ 'if-none-match': `${OTHER}, ${s.etag}` }),
    expectNotModified,
  ),
  get('13.1.2: If-None-Match: *', () => ({ 'if-none-match': '*' }), expectNotModified),
  get('13.1.2: If-None-Match with another tag', () => ({ 'if-none-match': OTHER }), expectWhole),
  get('13.1.2: 304 for HEAD as well', (s) => ({ 'if-none-match': s.etag }), expectStatus(304), 'HEAD'),
  get(
    '13.1.3: If-None-Match goes before If-Modified-Since',
    (s) => ({
      'if-none-match': OTHER,
      'if-modified-since': s.lastModified,
    }),
    expectWhole,
  ),
  get(
    '15.4.5: 304 has Cache-Control, Date and ETag, and no content',
    (s) => ({ 'if-none-match': s.etag }),
    (a, s) => {
      expectNotModified(a, s);
      expect(a.headers.has('cache-control')).toBe(true);
      expect(a.headers.has('date')).toBe(true);
      expect(a.headers.get('content-length') ?? '0').toMatch(new RegExp(`^(0|${s.bytes.length})$`));
    },
  ),

  get('13.1.1: If-Match with the tag', (s) => ({ 'if-match': s.etag }), expectWhole),
  get('13.1.1: If-Match: *', () => ({ 'if-match': '*' }), expectWhole),
  get('13.1.1: If-Match with a list', (s) => ({ 'if-match': `${OTHER}, ${s.etag}` }), expectWhole),
  get('13.1.1: If-Match with another tag', () => ({ 'if-match': OTHER }), expectStatus(412)),
  get('13.1.1: If-Match compares strongly', (s) => ({ 'if-match': `W/${s.etag}` }), expectStatus(412)),
  get(
    '13.2.2: If-Match goes before If-None-Match',
    (s) => ({
      'if-match': OTHER,
      'if-none-match': s.etag,
    }),
    expectStatus(412),
  ),

  get(
    '13.1.3: If-Modified-Since its own date',
    (s) => ({ 'if-modified-since': s.lastModified }),
    expectNotModified,
  ),
  get(
    '13.1.3: If-Modified-Since a later date',
    (s) => ({ 'if-modified-since': http(shifted(s, 1)) }),
    expectNotModified,
  ),
  get(
    '13.1.3: If-Modified-Since an earlier date',
    (s) => ({ 'if-modified-since': http(shifted(s, -1)) }),
    expectWhole,
  ),
  get('13.1.3: If-Modified-Since no date', () => ({ 'if-modified-since': 'yesterday' }), expectWhole),
  get(
    '5.6.7: If-Modified-Since in the form of RFC 850',
    (s) => ({ 'if-modified-since': rfc850(modifiedOn(s)) }),
    expectNotModified,
  ),
  get(
    '5.6.7: If-Modified-Since in the form of asctime',
    (s) => ({ 'if-modified-since': asctime(modifiedOn(s)) }),
    expectNotModified,
  ),
  get(
    '13.1.4: If-Unmodified-Since an earlier date',
    (s) => ({ 'if-unmodified-since': http(shifted(s, -1)) }),
    expectStatus(412),
  ),
  get(
    '13.1.4: If-Unmodified-Since its own date',
    (s) => ({ 'if-unmodified-since': s.lastModified }),
    expectWhole,
  ),
  get('13.1.4: If-Unmodified-Since no date', () => ({ 'if-unmodified-since': 'soon' }), expectWhole),
  get(
    '13.1.4: If-Match goes before If-Unmodified-Since',
    (s) => ({
      'if-match': s.etag,
      'if-unmodified-since': http(shifted(s, -1)),
    }),
    expectWhole,
  ),

  get(
    '13.1.5: If-Range with the tag',
    (s) => ({ range: 'bytes=3-9', 'if-range': s.etag }),
    (a, s) => expectPart(a, s, 3, 9),
  ),
  get('13.1.5: If-Range with another tag', () => ({ range: 'bytes=3-9', 'if-range': OTHER }), expectWhole),
  get(
    '13.1.5: If-Range compares strongly',
    (s) => ({ range: 'bytes=3-9', 'if-range': `W/${s.etag}` }),
    expectWhole,
  ),
  get(
    '13.1.5: If-Range with its date',
    (s) => ({ range: 'bytes=3-9', 'if-range': s.lastModified }),
    (a, s) => expectPart(a, s, 3, 9),
  ),
  get(
    '13.1.5: If-Range with a later date',
    (s) => ({ range: 'bytes=3-9', 'if-range': http(shifted(s, 1)) }),
    expectWhole,
  ),
  get('13.1.5: If-Range without Range', () => ({ 'if-range': OTHER }), expectWhole),
  get(
    '14.2: Range counts only for what would be 200: 304 goes before it',
    (s) => ({
      range: 'bytes=3-9',
      'if-none-match': s.etag,
    }),
    expectNotModified,
  ),
  get(
    '14.2: 412 goes before a range that cannot be satisfied',
    (s) => ({
      range: `bytes=${s.bytes.length}-`,
      'if-match': OTHER,
    }),
    expectStatus(412),
  ),
  {
    name: '13.2.1: conditions mean nothing where there is nothing',
    run: async (send, { missingPath }) => {
      const answer = await send({ path: missingPath, headers: { 'if-match': '*', 'if-none-match': '*' } });
      expect(answer.status).toBe(404);
    },
  },
];
