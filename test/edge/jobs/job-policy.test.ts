import { describe, expect, it } from 'vitest';
import { jobId } from '../../../src/edge/jobs/job-key.ts';
import {
  alarmAtMs,
  backoffSeconds,
  isRetried,
  KEEP_SETTLED_MS,
  MAX_ATTEMPTS,
  MAX_QUEUED_MS,
  resendDelayMs,
} from '../../../src/edge/jobs/job-policy.ts';
import { laterExpiry, newJob } from '../../../src/edge/jobs/job-record.ts';

const NOW = 1_800_000_000_000;
const job = newJob({ tenant: '', id: 'a'.repeat(64), model: 'm', expiresAtMs: null, requester: 'acme' }, NOW);

describe('when', () => {
  it('a lost key is sent again: soon after a failed send, else ever less often', () => {
    expect([0, 1, 2, 3].map(resendDelayMs)).toEqual([1_000, 15_000, 30_000, 60_000]);
    expect(resendDelayMs(40)).toBe(15 * 60_000);
  });

  it('a failed attempt is made again', () => {
    expect([0, 1, 2, 3, 4].map(backoffSeconds)).toEqual([0, 1, 2, 4, 8]);
    expect(isRetried('engine-failed', 0)).toBe(true);
    expect(isRetried('internal', MAX_ATTEMPTS - 2)).toBe(true);
    expect(isRetried('internal', MAX_ATTEMPTS - 1)).toBe(false);
    expect(isRetried('invalid-content', 0)).toBe(false);
  });

  it('the alarm rings, in every state', () => {
    expect(alarmAtMs(job, NOW)).toBe(NOW + 1_000);
    expect(alarmAtMs({ ...job, sends: 99 }, NOW + MAX_QUEUED_MS - 5)).toBe(NOW + MAX_QUEUED_MS);
    const lease = { id: 'x', untilMs: NOW + 7 };
    expect(alarmAtMs({ ...job, state: 'running', lease }, NOW)).toBe(NOW + 7);
    expect(alarmAtMs({ ...job, state: 'failed' }, NOW + 9)).toBe(NOW + KEEP_SETTLED_MS);
  });

  it('a context expires that several asked for: last', () => {
    expect(laterExpiry(1, 2)).toBe(2);
    expect(laterExpiry(1, null)).toBeNull();
  });
});

describe('the id of a job', () => {
  const text = { model: 'm', text: 'a', visibility: 'public' };

  it('is that of what is asked for, whoever asks', async () => {
    const id = await jobId(text, '');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await jobId({ ...text }, '')).toBe(id);
  });

  it('differs with everything that is asked for', async () => {
    const ids = await Promise.all([
      jobId(text, ''),
      jobId({ ...text, text: 'b' }, ''),
      jobId({ ...text, model: 'n' }, ''),
      jobId({ ...text, visibility: 'private' }, ''),
      jobId(text, 'tenant'),
      jobId({ model: 'm', tokens: [97], visibility: 'public' }, ''),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
