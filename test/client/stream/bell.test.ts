import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Bell } from '../../../src/client/stream/bell.ts';

test.each([2 ** 31, 2 ** 40, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
  'a wait of %d ms, longer than a timer can be, ends at a ring and not at once',
  async (ms) => {
    const bell = new Bell();
    let isOver = false;
    const waiting = bell.wait(ms).then(() => {
      isOver = true;
    });
    await delay(30);
    expect(isOver).toBe(false);
    bell.ring();
    await waiting;
  },
);

test('a wait ends after its time, and at once if it rang before', async () => {
  const bell = new Bell();
  await bell.wait(-5);
  await bell.wait(5);
  bell.ring();
  await bell.wait(Number.POSITIVE_INFINITY);
});
