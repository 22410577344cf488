import { describe, expect, it } from 'vitest';
import { MAX_DEADLINE_MS, readFields } from '../../../src/edge/dashboard/open/request.ts';

const ID = '0123456789abcdef'.repeat(4);
const fields = (more: object = {}) => ({ id: ID, level: '', deadline: '', token: '', ...more });

describe('the form of /open', () => {
  it('asks for a level, for a deadline, or for neither', () => {
    const request = { id: ID, level: null, deadlineMs: null, token: null };
    expect(readFields(fields())).toEqual({ request });
    expect(readFields(fields({ id: ` ${ID}\n`, level: ' near-lossless ', token: ' t ' }))).toEqual({
      request: { ...request, level: 'near-lossless', token: 't' },
    });
    for (const [deadline, deadlineMs] of [
      ['1', 1],
      [' 800 ', 800],
      ['0800', 800],
      [String(MAX_DEADLINE_MS), MAX_DEADLINE_MS],
    ]) {
      expect(readFields(fields({ deadline }))).toEqual({ request: { ...request, deadlineMs } });
    }
  });

  it.each([
    ['0', 'at least 1 millisecond'],
    ['000', 'at least 1 millisecond'],
    ['600001', 'at most 600000 milliseconds'],
    ['9'.repeat(400), 'at most 600000 milliseconds'],
    ['-5', 'whole number of milliseconds'],
    ['1.5', 'whole number of milliseconds'],
    ['1e3', 'whole number of milliseconds'],
    ['Infinity', 'whole number of milliseconds'],
    ['soon', 'whole number of milliseconds'],
    ['٥', 'whole number of milliseconds'],
  ])('refuses the deadline %s', (deadline, why) => {
    expect(readFields(fields({ deadline }))).toEqual({ errors: { deadline: expect.stringContaining(why) } });
  });

  it('refuses a level beside a deadline, and says all that is wrong at once', () => {
    expect(readFields(fields({ level: 'draft', deadline: '800' }))).toEqual({
      errors: { deadline: expect.stringContaining('not both') },
    });
    expect(readFields(fields({ id: 'x', deadline: 'x' }))).toEqual({
      errors: { id: expect.any(String), deadline: expect.any(String) },
    });
  });
});
