import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { finishMs } from '../../../src/client/controller/pipeline.ts';
import { Choices, fetchesOf, planAll } from '../../../src/client/controller/plan.ts';
import { startLevel, stepsByGain } from '../../../src/client/controller/steps.ts';
import { everyChoice, views } from './instances.ts';

const RUNS = { numRuns: 500 };

describe('the plan over all chunks', () => {
  test('meets the deadline whenever any choice of levels does', () => {
    fc.assert(
      fc.property(views, (view) => {
        const { best, fastest } = planAll(view, view.rate.low, view.deadlineMs);
        let earliest = view.standby?.finishMs ?? Number.POSITIVE_INFINITY;
        for (const levels of everyChoice(view))
          earliest = Math.min(earliest, finishMs(view, view.rate.low, levels.length, levels));
        expect(fastest.finishMs).toBeCloseTo(earliest, 6);
        expect(best !== null).toBe(earliest <= view.deadlineMs);
        if (best !== null) expect(best.finishMs).toBeLessThanOrEqual(view.deadlineMs);
      }),
      RUNS,
    );
  });

  test('says what its levels say: finish, loss, and text only after KV without a hole', () => {
    fc.assert(
      fc.property(views, (view) => {
        const { best } = planAll(view, view.rate.low, view.deadlineMs);
        if (best === null || best.usesStandby) return;
        const { chunks, tokenCount } = view.outline;
        const sum = best.kvLevels.reduce(
          (loss, l, i) => loss + chunks[i]!.levels[l]!.kld * chunks[i]!.tokenCount,
          0,
        );
        expect(best.loss).toBeCloseTo(sum / tokenCount, 9);
        expect(best.finishMs).toBe(finishMs(view, view.rate.low, best.kvLevels.length, best.kvLevels));
        for (const { chunk, level } of fetchesOf(view, best)) {
          expect(chunk).toBeLessThan(best.kvLevels.length);
          expect(level).toBeLessThanOrEqual(best.kvLevels[chunk]!);
        }
      }),
      RUNS,
    );
  });

  test('is the best of every number of KV chunks, each with the longest run of steps that is in time', () => {
    fc.assert(
      fc.property(views, fc.integer({ min: 0, max: 200 }), (view, laterMs) => {
        const { chunks, tokenCount, finestLoss } = view.outline;
        const later = { ...view, nowMs: view.nowMs + laterMs };
        const standby = view.standby !== null && view.standby.finishMs <= view.deadlineMs;
        let least = standby ? 0 : Number.POSITIVE_INFINITY;
        for (let kvChunks = 0; kvChunks <= chunks.length; kvChunks++) {
          const levels = chunks.slice(0, kvChunks).map((_, chunk) => startLevel(later, chunk));
          const steps = [null, ...stepsByGain(later).filter(({ chunk }) => chunk < kvChunks)];
          for (const step of steps) {
            if (step !== null) levels[step.chunk] = step.level;
            if (finishMs(later, view.rate.low, kvChunks, levels) > view.deadlineMs) break;
            const loss = levels.reduce(
              (sum, l, i) => sum + chunks[i]!.levels[l]!.kld * chunks[i]!.tokenCount,
              0,
            );
            least = Math.min(least, loss / tokenCount);
          }
        }
        // What was prepared for one moment holds for a later one.
        const { best } = planAll(later, view.rate.low, view.deadlineMs, new Choices(view));
        expect(best === null).toBe(least === Number.POSITIVE_INFINITY);
        if (best !== null)
          expect(Math.max(best.loss, finestLoss)).toBeCloseTo(Math.max(least, finestLoss), 9);
      }),
      RUNS,
    );
  });

  test('never gets worse on a faster link', () => {
    fc.assert(
      fc.property(views, fc.double({ min: 1, max: 20, noNaN: true }), (view, factor) => {
        const slow = planAll(view, view.rate.low, view.deadlineMs);
        const fast = planAll(view, view.rate.low * factor, view.deadlineMs);
        expect(fast.fastest.finishMs).toBeLessThanOrEqual(slow.fastest.finishMs + 1e-9);
        if (slow.best === null) return;
        const floor = view.outline.finestLoss + 1e-9;
        expect(Math.max(fast.best!.loss, floor)).toBeLessThanOrEqual(Math.max(slow.best.loss, floor) + 1e-12);
      }),
      RUNS,
    );
  });

  test('never gets worse with a later deadline', () => {
    fc.assert(
      fc.property(views, fc.integer({ min: 0, max: 2_000 }), (view, laterMs) => {
        const early = planAll(view, view.rate.low, view.deadlineMs).best;
        if (early === null) return;
        const late = planAll(view, view.rate.low, view.deadlineMs + laterMs).best!;
        const floor = view.outline.finestLoss + 1e-9;
        expect(Math.max(late.loss, floor)).toBeLessThanOrEqual(Math.max(early.loss, floor) + 1e-12);
      }),
      RUNS,
    );
  });
});
