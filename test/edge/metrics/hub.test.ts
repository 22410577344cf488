import { runInDurableObject } from 'cloudflare:test';
import { env as bindings } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import type { MetricsHub } from '../../../src/edge/metrics/hub.ts';
import { seriesKey } from '../../../src/edge/metrics/tally.ts';

const namespace = (bindings as unknown as Env).METRICS!;
const hub = (name: string) => namespace.get(namespace.idFromName(name));
const key = (code: string) => seriesKey('kvedge_problems_total', { code });

describe('MetricsHub', () => {
  it('adds up, and has it in storage when the call returns', async () => {
    const one = hub('adds');
    await one.add({ [key('a')]: 2, [key('b')]: 0.5 });
    await one.add({ [key('a')]: 3 });
    const expected = { [key('a')]: 5, [key('b')]: 0.5 };
    expect((await one.read()).counts).toEqual(expected);
    await runInDurableObject(one, async (_: MetricsHub, state) => {
      expect(await state.storage.get('counts')).toEqual(expected);
    });
  });

  it('keeps a bounded number of series and says how many additions it dropped', async () => {
    const one = hub('bounded');
    await one.add(Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [key(`c${i}`), 1])));
    await one.add({ [key('new')]: 1, [key('c7')]: 1 });
    const { counts } = await one.read();
    expect(counts[key('new')]).toBeUndefined();
    expect(counts[key('c7')]).toBe(2);
    expect(counts[seriesKey('kvedge_series_dropped_total', {})]).toBe(1);
  });
});
