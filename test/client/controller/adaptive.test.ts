import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oracle } from '../../../bench/streaming/oracle.ts';
import { simulate } from '../../../bench/streaming/simulate.ts';
import { FAMILIES, makeTrace } from '../../../bench/streaming/trace.ts';
import { makeWorkload } from '../../../bench/streaming/workload.ts';
import {
  adaptive,
  cachegenRule,
  fixedLevel,
  levelWithin,
  type Strategy,
  textOnly,
} from '../../../src/client/controller/index.ts';
import { finishMs } from '../../../src/client/controller/pipeline.ts';
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

test('the adaptive strategy stops a late standby only while what is here can still end within 5% of text', () => {
  let stops = 0;
  fc.assert(
    fc.property(views, (some) => {
      // Text takes long beside the deadline: that is when a standby is late.
      const view = { ...some, deadlineMs: some.deadlineMs / 4, textFinishMs: 2 * some.textFinishMs };
      if (adaptive(view).act !== 'stop') return;
      stops += 1;
      expect(view.standby!.finishMs).toBeGreaterThan(view.deadlineMs);
      const { chunks, stopMs } = view.outline;
      const missing = view.progress.findIndex((p, i) => levelWithin(chunks[i]!, p.receivedBytes) < 0);
      const kvLevels = view.progress
        .slice(0, missing === -1 ? chunks.length : missing)
        .map(({ decodedLevel }) => Math.max(0, decodedLevel));
      const stopped = {
        ...view,
        standby: null,
        decoderFreeAtMs: Math.max(view.decoderFreeAtMs, view.nowMs + stopMs),
      };
      expect(finishMs(stopped, view.rate.middle, kvLevels.length, kvLevels)).toBeLessThan(
        1.05 * view.textFinishMs,
      );
    }),
    { numRuns: 1_000 },
  );
  expect(stops).toBeGreaterThan(20);
});

test('no link makes the adaptive strategy more than 10% later than the deadline or the fastest fixed level', () => {
  fc.assert(
    fc.property(fc.constantFrom(...FAMILIES), fc.integer({ min: 0, max: 40_000 }), (family, seed) => {
      const trace = makeTrace(family, seed);
      const workload = makeWorkload(trace, seed);
      const finish = (strategy: Strategy) =>
        simulate(trace, [{ workload, strategy, startMs: 0 }])[0]!.finishMs;
      // Where nobody can be in time, the standby's last batch of text may cost more than that (docs/streaming.md).
      fc.pre(oracle(trace, workload).meets);
      const fixed = Math.min(...[0, 1, 2, 3].map((level) => finish(fixedLevel(level))));
      expect(finish(adaptive)).toBeLessThanOrEqual(1.1 * Math.max(workload.deadlineMs, fixed));
    }),
    { numRuns: 30 },
  );
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
