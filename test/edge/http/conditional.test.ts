import { describe, expect, it } from 'vitest';
import { decidePrecondition, rangeApplies } from '../../../src/edge/http/conditional.ts';

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
    [{ 'if-modified-since': 'Mon, 23 Nov 2026 00:00:00 GMT' }, 'proceed'],
    [{ 'if-unmodified-since': 'Mon, 23 Nov 1998 00:00:00 GMT' }, 'proceed'],
  ])('%j', (headers, expected) => {
    expect(decidePrecondition(new Headers(headers), '"a"')).toBe(expected);
  });
});

describe('rangeApplies (RFC 9110, section 13.1.5)', () => {
  it.each<[string | null, boolean]>([
    [null, true],
    ['"a"', true],
    ['"b"', false],
    ['W/"a"', false],
    ['"a", "b"', false],
    ['Mon, 23 Nov 2026 00:00:00 GMT', false],
  ])('%j', (header, expected) => {
    const headers = new Headers(header === null ? {} : { 'if-range': header });
    expect(rangeApplies(headers, '"a"')).toBe(expected);
  });
});
