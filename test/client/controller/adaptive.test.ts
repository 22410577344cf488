import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { simulate } from '../../../bench/streaming/simulate.ts';
import { FAMILIES, makeTrace } from '../../../bench/streaming/trace.ts';
import { makeWorkload } from '../../../bench/streaming/workload.ts';
import {
  adaptive,
  cachegenRule,
  levelWithin,
  type Strategy,
  textOnly,
} from '../../../src/client/controller/index.ts';
import { views } from './instances.ts';

describe.each([
  ['the adaptive strategy', adaptive],
  ["CacheGen's rule", cachegenRule],
])('%s', (_, strategy: Strategy) => {
  test('asks for what exists and uses only what is here', () => {
    fc.assert(
      fc.property(views, (view) => {
        const decision = strategy(view);
        const { chunks } = view.outline;
        for (const { chunk, level } of decision.fetches) expect(chunks[chunk]!.levels[level]).toBeDefined();
        expect(decision.wakeAtMs).toBeGreaterThan(view.nowMs);
        if (decision.act === 'fetch' || decision.act === 'stop') return;
        expect(view.tokenBytesMissing).toBe(0);
        for (const [i, level] of decision.kvLevels.entries())
          expect(level).toBeLessThanOrEqual(levelWithin(chunks[i]!, view.progress[i]!.receivedBytes));
      }),
      { numRuns: 500 },
    );
  });

  test('ends on every kind of link', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FAMILIES), fc.integer({ min: 0, max: 40_000 }), (family, seed) => {
        const trace = makeTrace(family, seed);
        const workload = makeWorkload(trace, seed);
        const [outcome] = simulate(trace, [{ workload, strategy, startMs: 0 }]);
        expect(outcome!.finishMs).toBeGreaterThan(0);
      }),
      { numRuns: 12 },
    );
  });
});

test('no link makes the adaptive strategy more than 5% slower than text', () => {
  fc.assert(
    fc.property(fc.constantFrom(...FAMILIES), fc.integer({ min: 0, max: 40_000 }), (family, seed) => {
      const trace = makeTrace(family, seed);
      const workload = makeWorkload(trace, seed);
      const finish = (strategy: Strategy) =>
        simulate(trace, [{ workload, strategy, startMs: 0 }])[0]!.finishMs;
      expect(finish(adaptive)).toBeLessThanOrEqual(1.05 * finish(textOnly));
    }),
    { numRuns: 12 },
  );
});
