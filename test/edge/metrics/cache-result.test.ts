import { describe, expect, it } from 'vitest';
import { cacheResult } from '../../../src/edge/metrics/cache-result.ts';

describe('cacheResult', () => {
  it.each([
    ['kvedge; hit', 'hit', false],
    ['kvedge; hit; detail=cut', 'hit', false],
    ['kvedge; fwd=uri-miss', 'uri-miss', false],
    ['kvedge; fwd=uri-miss; stored', 'uri-miss', true],
    ['kvedge;fwd=stale;stored', 'stale', true],
    ['origin; fwd=miss, kvedge; hit', 'hit', false],
    ['kvedge; fwd=anything-else', 'other', false],
    ['kvedge', 'other', false],
  ])('%s', (header, result, filled) => {
    expect(cacheResult(header)).toEqual({ result, filled });
  });
});
