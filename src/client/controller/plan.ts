import type { Fetch, Outline, View } from './model.ts';
import { missingBytes, Pipeline } from './pipeline.ts';
import { type Step, startLevel, stepsByGain } from './steps.ts';

export interface Plan {
  /** Levels of the chunks used as KV, from the first. */
  kvLevels: readonly number[];
  /** True: it is the standby that runs already. */
  usesStandby: boolean;
  finishMs: number;
  /** Mean KLD over all tokens; text has none. */
  loss: number;
}

export interface Planned {
  /** The least loss that meets the deadline, the earliest of equals; null if nothing meets it. */
  best: Plan | null;
  /** The earliest finish whatever the loss. */
  fastest: Plan;
}

/**
 * The global plan over all chunks: how many as KV (the others are text), and every level.
 *
 * For a given number of KV chunks the plan with all of them at their start level is the fastest, since bytes and decoding
 * only grow; so if that one is late, all are. Spending what time is left is a knapsack over convex curves: take the steps
 * in the order of gain per byte for as long as the pipeline still finishes in time. The longest such prefix is found by
 * bisection, as each step makes the finish later. It is within one step of the best plan, and because the order does not
 * depend on the link, a faster link never gets a worse plan.
 *
 * A loss below that of all finest levels counts as equal to it: then the earlier finish wins.
 */
export function planAll(
  view: View,
  bytesPerMs: number,
  deadlineMs: number,
  choices = new Choices(view),
): Planned {
  const { outline } = view;
  const { pipeline, start, steps } = choices;
  const count = outline.chunks.length;
  const levels = new Int32Array(count);
  let startLoss = 0;
  let fastest = standbyPlan(view);
  let best = fastest !== null && fastest.finishMs <= deadlineMs ? fastest : null;
  for (let kvChunks = 0; kvChunks <= count; kvChunks++) {
    if (kvChunks > 0) {
      const { tokenCount, levels: options } = outline.chunks[kvChunks - 1]!;
      startLoss += options[start[kvChunks - 1]!]!.kld * tokenCount;
    }
    const finish = pipeline.finishMs(view, bytesPerMs, kvChunks, start);
    if (fastest === null || finish < fastest.finishMs) {
      fastest = {
        kvLevels: Array.from(start.subarray(0, kvChunks)),
        usesStandby: false,
        finishMs: finish,
        loss: startLoss / outline.tokenCount,
      };
    }
    if (finish > deadlineMs) continue;
    const isInTime = (length: number) => {
      setLevels(levels, choices, kvChunks, length);
      return pipeline.finishMs(view, bytesPerMs, kvChunks, levels) <= deadlineMs;
    };
    const least = best === null ? 0 : leastToMatch(best, startLoss, steps, kvChunks, outline);
    if (least === null || (least > 0 && !isInTime(least))) continue;
    const taken = longestPrefix(least, steps.length, isInTime);
    setLevels(levels, choices, kvChunks, taken);
    let gain = 0;
    for (let i = 0; i < taken; i++) if (steps[i]!.chunk < kvChunks) gain += steps[i]!.gain;
    const candidate = {
      kvLevels: Array.from(levels.subarray(0, kvChunks)),
      usesStandby: false,
      finishMs: pipeline.finishMs(view, bytesPerMs, kvChunks, levels),
      loss: (startLoss - gain) / outline.tokenCount,
    };
    if (best === null || isBetter(candidate, best, outline.finestLoss)) best = candidate;
  }
  return { best, fastest: fastest! };
}

/** What plans of one moment are chosen from, whatever the rate and the deadline: made once for all of them. */
export class Choices {
  readonly pipeline: Pipeline;
  readonly steps: readonly Step[];
  readonly start: Int32Array;

  constructor(view: View) {
    this.pipeline = new Pipeline(view);
    this.steps = stepsByGain(view);
    this.start = Int32Array.from(view.outline.chunks, (_, chunk) => startLevel(view, chunk));
  }
}

/** Length of the shortest prefix whose loss is no larger than that of `best`; null: all steps are not enough. */
function leastToMatch(
  best: Plan,
  startLoss: number,
  steps: readonly Step[],
  kvChunks: number,
  outline: Outline,
): number | null {
  const floor = outline.finestLoss * (1 + EQUAL);
  const loss = Math.max(best.loss, floor);
  if (Math.max(startLoss / outline.tokenCount, floor) <= loss) return 0;
  let gain = 0;
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!;
    if (step.chunk >= kvChunks) continue;
    gain += step.gain;
    if (Math.max((startLoss - gain) / outline.tokenCount, floor) <= loss) return i + 1;
  }
  return null;
}

function standbyPlan(view: View): Plan | null {
  if (view.standby === null) return null;
  const { kvLevels, finishMs: finish } = view.standby;
  const { chunks, tokenCount } = view.outline;
  const loss = kvLevels.reduce(
    (sum, level, i) => sum + chunks[i]!.levels[level]!.kld * chunks[i]!.tokenCount,
    0,
  );
  return { kvLevels, usesStandby: true, finishMs: finish, loss: loss / tokenCount };
}

function isBetter(a: Plan, b: Plan, finestLoss: number): boolean {
  const lossA = Math.max(a.loss, finestLoss * (1 + EQUAL));
  const lossB = Math.max(b.loss, finestLoss * (1 + EQUAL));
  return lossA === lossB ? a.finishMs < b.finishMs : lossA < lossB;
}

/** Sums of the same numbers in another order differ by less than this share. */
const EQUAL = 1e-9;

/** The levels after the first `count` steps; those of chunks that are text do not count. */
function setLevels(levels: Int32Array, { start, steps }: Choices, kvChunks: number, count: number): void {
  levels.set(start);
  for (let i = 0; i < count; i++) {
    const { chunk, level } = steps[i]!;
    if (chunk < kvChunks) levels[chunk] = level;
  }
}

/** The largest length from `min`, which holds, up to `max` that does, where those that do come first. */
function longestPrefix(min: number, max: number, holds: (length: number) => boolean): number {
  let low = min;
  let high = max;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * What a plan has yet to fetch, in the order that `finishMs` assumes: level by level over all chunks, so that a link which
 * dies has delivered something usable, and evenly.
 */
export function fetchesOf(view: View, plan: Plan): Fetch[] {
  if (plan.usesStandby) return [];
  const fetches: Fetch[] = [];
  const finest = Math.max(-1, ...plan.kvLevels);
  for (let level = 0; level <= finest; level++)
    for (const [chunk, planned] of plan.kvLevels.entries())
      if (planned >= level && missingBytes(view, chunk, level) > 0) fetches.push({ chunk, level });
  return fetches;
}
