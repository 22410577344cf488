import { describe, expect, it } from 'vitest';
import { decidePrecondition, mayWrite, rangeApplies } from '../../../src/edge/http/conditional.ts';

const CURRENT = { etag: '"a"', modifiedAtMs: Date.UTC(2026, 10, 23) + 250 };
const NOW_MS = Date.UTC(2026, 10, 24);

describe('decidePrecondition (RFC 9110, section 13)', () => {
  it.each<[Record<string, string>, string]>([
    [{}, 'proceed'],
    [{ 'if-none-match': '"a"' }, 'not-modified'],
    [{ 'if-none-match': 'W/"a"' }, 'not-modified'],
    [{ 'if-none-match': '"b", "a"' }, 'not-modified'],
    [{ 'if-none-match': '"b",W/"a"' }, 'not-modified'],
    [{ 'if-none-match': '*' }, 'not-modified'],
    [{ 'if-none-match': '"b"' }, 'proceed'],
    [{ 'if-none-match': '"b, a"' }, 'proceed'],
    [{ 'if-none-match': 'a' }, 'proceed'],
    [{ 'if-match': '"a"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-match': 'W/"a"' }, 'failed'],
    [{ 'if-match': '"b"' }, 'failed'],
    [{ 'if-match': '"b"', 'if-none-match': '"a"' }, 'failed'],
    [{ 'if-match': '"a"', 'if-none-match': '"a"' }, 'not-modified'],
    [{ 'if-modified-since': 'Mon, 23 Nov 2026 00:00:00 GMT' }, 'not-modified'],
    [{ 'if-modified-since': 'Tue, 24 Nov 2026 00:00:00 GMT' }, 'not-modified'],
    [{ 'if-modified-since': 'Sun, 22 Nov 2026 23:59:59 GMT' }, 'proceed'],
    [{ 'if-modified-since': '2026-11-24' }, 'proceed'],
    [{ 'if-modified-since': 'Tue, 24 Nov 2026 00:00:00 GMT', 'if-none-match': '"b"' }, 'proceed'],
    [{ 'if-unmodified-since': 'Mon, 23 Nov 1998 00:00:00 GMT' }, 'failed'],
    [{ 'if-unmodified-since': 'Mon, 23 Nov 2026 00:00:00 GMT' }, 'proceed'],
    [{ 'if-unmodified-since': 'Mon, 23 Nov 1998 00:00:00 GMT', 'if-match': '"a"' }, 'proceed'],
    [{ 'if-unmodified-since': 'yesterday' }, 'proceed'],
  ])('%j', (headers, expected) => {
    expect(decidePrecondition(new Headers(headers), CURRENT, NOW_MS)).toBe(expected);
  });
});

describe('rangeApplies (RFC 9110, section 13.1.5)', () => {
  it.each<[string | null, boolean]>([
    [null, true],
    ['"a"', true],
    ['"b"', false],
    ['W/"a"', false],
    ['"a", "b"', false],
    ['Mon, 23 Nov 2026 00:00:00 GMT', true],
    ['Tue, 24 Nov 2026 00:00:00 GMT', false],
    ['Sun, 22 Nov 2026 00:00:00 GMT', false],
    ['2026-11-23', false],
  ])('%j', (header, expected) => {
    const headers = new Headers(header === null ? {} : { 'if-range': header });
    expect(rangeApplies(headers, CURRENT, NOW_MS)).toBe(expected);
  });
});

describe('mayWrite (RFC 9110, section 13.1)', () => {
  it.each<[Record<string, string>, ifStored: boolean, ifAbsent: boolean]>([
    [{}, true, true],
    [{ 'if-match': '"a"' }, true, false],
    [{ 'if-match': '*' }, true, false],
    [{ 'if-match': '"b"' }, false, false],
    [{ 'if-match': 'W/"a"' }, false, false],
    [{ 'if-none-match': '*' }, false, true],
    [{ 'if-none-match': 'W/"a"' }, false, true],
    [{ 'if-none-match': '"b"' }, true, true],
    [{ 'if-unmodified-since': 'Mon, 23 Nov 1998 00:00:00 GMT' }, false, true],
  ])('%j', (headers, ifStored, ifAbsent) => {
    expect(mayWrite(new Headers(headers), CURRENT, NOW_MS)).toBe(ifStored);
    expect(mayWrite(new Headers(headers), null, NOW_MS)).toBe(ifAbsent);
  });

  it('lets a date be no strong validator in its own second', () => {
    const headers = new Headers({ 'if-range': 'Mon, 23 Nov 2026 00:00:00 GMT' });
    expect(rangeApplies(headers, CURRENT, CURRENT.modifiedAtMs + 100)).toBe(false);
  });
});
