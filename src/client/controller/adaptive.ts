import { TEXT_GUARD } from './guard.ts';
import { type Decision, type Fetch, levelWithin, type Strategy, type View } from './model.ts';
import { finishMs, missingBytes } from './pipeline.ts';
import { Choices, fetchesOf, type Plan, planAll } from './plan.ts';

/** The longest time between two looks at the link. */
const TICK_MS = 50;
/** Timers and sums are no finer: a choice that becomes impossible within this time is made now. */
const GRAIN_MS = 1;

/**
 * The default strategy. Fetches the coarsest level of all chunks first, then raises the weakest by the byte ranges that
 * follow, until no more fits. So what is here is always usable, nothing was fetched in vain when the link collapses, and the
 * first complete context is there as soon as the fastest fixed level would be.
 *
 * 1. `safe`, the plan at a rate that the link will hardly stay below, decides what to fetch.
 * 2. Behind that comes what the plan at a hopeful rate wants besides, so that the link never runs dry. When the safe plan has
 *    nothing left to fetch, the time that remains is gambled with: a range that does not arrive in time is cut short, and the
 *    level before it is used.
 * 3. If the safe plan is late, the middle one decides; if that is late too, the fastest plan does.
 * 4. The last moment at which something that is here already is in time is not let pass for a small gain.
 * 5. When text has to begin now or break the crossover guard, it begins, while KV goes on arriving: a standby. Whichever is
 *    ready first is used. So no link, however it behaves, makes a request slower than text.
 * 6. As soon as KV is as good as here, a standby that would be late itself stops: chunks are decoded while others arrive.
 */
export const adaptive: Strategy = (view) => {
  if (view.standby !== null) {
    const without = withoutStandby(view);
    if (without !== null) {
      const decision = decide(without);
      return decision.act === 'fetch' ? { ...decision, act: 'stop' } : decision;
    }
  }
  const decision = decide(view);
  if (view.tokenBytesMissing > 0) return { ...decision, act: 'fetch' };
  if (decision.act !== 'fetch' || view.standby !== null) return decision;
  const now = planWithoutFetching(view);
  const spareMs = view.textFinishMs * TEXT_GUARD - now.finishMs;
  if (spareMs < GRAIN_MS) return { ...decision, act: 'standby', kvLevels: now.kvLevels };
  return { ...decision, wakeAtMs: Math.min(decision.wakeAtMs, view.nowMs + spareMs - GRAIN_MS / 2) };
};

/**
 * The view as it is when the standby stops now, so that decoding has the processor; null while the standby is needed: as the
 * answer, or because text would soon have to begin anew: before half the time has passed that the link needs at its low rate
 * to bring the coarsest level of all chunks.
 */
function withoutStandby(view: View): View | null {
  if (view.standby!.finishMs <= view.deadlineMs) return null;
  const { nowMs, outline, decoderFreeAtMs } = view;
  const stopped = {
    ...view,
    standby: null,
    decoderFreeAtMs: Math.max(decoderFreeAtMs, nowMs + outline.stopMs),
  };
  let missing = 0;
  for (let chunk = 0; chunk < outline.chunks.length; chunk++) missing += missingBytes(view, chunk, 0);
  const spareMs = view.textFinishMs * TEXT_GUARD - planWithoutFetching(stopped).finishMs;
  return spareMs > TICK_MS + (SURE_TIMES * missing) / view.rate.low ? stopped : null;
}

function decide(view: View): Decision {
  const choices = new Choices(view);
  const limitMs = Math.min(view.deadlineMs, view.textFinishMs * TEXT_GUARD);
  const safe = planAll(view, view.rate.low, limitMs, choices).best;
  if (safe === null) {
    const { best, fastest } = planAll(view, view.rate.middle, limitMs, choices);
    const plan = best ?? fastest;
    // Late anyway: as long as something is missing KV may still overtake the text.
    const fetches = fetchesOf(
      view,
      plan.kvLevels.length < view.outline.chunks.length ? coarsest(view) : plan,
    );
    if (fetches.length === 0) return settle(view, plan);
    const beginsText =
      !plan.usesStandby && fetchesOf(view, plan).length === 0 && isWorthStarting(view, plan.finishMs);
    return { ...fetching(view, fetches, plan), act: beginsText ? 'standby' : 'fetch' };
  }
  const spareMs = limitMs - safe.finishMs - GRAIN_MS;
  const fetches = fetchesOf(view, safe);
  const hopeful = planAll(view, view.rate.high, limitMs, choices).best;
  const more = hopeful === null ? [] : fetchesOf(view, hopeful);
  if (fetches.length > 0) {
    if (safe.kvLevels.length < view.outline.chunks.length) append(fetches, fetchesOf(view, coarsest(view)));
    append(fetches, more);
    const sure = planAll(view, NOTHING_ARRIVES, limitMs, choices).best;
    if (sure === null) return fetching(view, fetches, safe);
    const lastChanceMs = limitMs - sure.finishMs - GRAIN_MS;
    if (lastChanceMs > 0) return fetching(view, fetches, safe, view.nowMs + lastChanceMs);
    const next = planAll({ ...view, nowMs: view.nowMs + TICK_MS }, NOTHING_ARRIVES, limitMs, choices).best;
    const losesLittle = next !== null && next.loss < sure.loss * WORTH_RISK;
    const winsMuch = safe.loss * WORTH_RISK < sure.loss;
    return losesLittle || winsMuch ? fetching(view, fetches, safe) : settle(view, sure);
  }
  if (spareMs <= 0) return settle(view, safe);
  if (hopeful !== null && more.length > 0 && hopeful.loss < safe.loss * (1 - WORTH_GAIN))
    return fetching(view, more, hopeful, view.nowMs + spareMs);
  if (safe.kvLevels.length < view.outline.chunks.length && !view.rate.known) {
    const probe = fetchesOf(view, coarsest(view));
    if (probe.length > 0) return fetching(view, probe, safe, view.nowMs + spareMs);
  }
  return settle(view, safe);
}

/** Adds what is not there yet, behind it. */
function append(fetches: Fetch[], more: readonly Fetch[]): void {
  for (const fetch of more)
    if (!fetches.some(({ chunk, level }) => chunk === fetch.chunk && level === fetch.level))
      fetches.push(fetch);
}

function fetching(
  view: View,
  fetches: readonly Fetch[],
  plan: Plan,
  untilMs = Number.POSITIVE_INFINITY,
): Decision {
  const wakeAtMs = Math.max(view.nowMs + GRAIN_MS / 2, Math.min(view.nowMs + TICK_MS, untilMs));
  return { fetches, kvLevels: plan.kvLevels, act: 'fetch', wakeAtMs };
}

/** Nothing is to be fetched any more. Without the token ids nothing can begin, though. */
function settle(view: View, plan: Plan): Decision {
  if (view.tokenBytesMissing > 0) return fetching(view, [], plan);
  return {
    fetches: [],
    kvLevels: plan.kvLevels,
    act: plan.usesStandby ? 'text' : 'load',
    wakeAtMs: Number.POSITIVE_INFINITY,
  };
}

/** Text that has begun is begun anew, on more KV, only if that saves a good part of what is left of it. */
function isWorthStarting(view: View, finish: number): boolean {
  if (view.standby === null) return true;
  return finish < view.standby.finishMs - RESTART_GAIN * (view.standby.finishMs - view.nowMs);
}

const RESTART_GAIN = 0.1;

/** Share of that time. Below 1, as stopping late costs a batch of text, and stopping in vain no more than the text so far. */
const SURE_TIMES = 0.5;

/** A rate at which plans that need another byte are never in time. */
const NOTHING_ARRIVES = 1e-9;

/**
 * When the last plan that needs nothing more is about to become late, it is used, unless what the link may still bring is
 * better by this factor.
 */
const WORTH_RISK = 1.5;

/** Less of a gain is not worth holding up the start. */
const WORTH_GAIN = 0.01;

/** What can be begun at this moment: the chunks that are here, then text. */
function planWithoutFetching(view: View): Plan {
  const levels: number[] = [];
  for (const [i, chunk] of view.outline.chunks.entries()) {
    const { decodedLevel, receivedBytes } = view.progress[i]!;
    if (decodedLevel < 0 && levelWithin(chunk, receivedBytes) < 0) break;
    levels.push(Math.max(0, decodedLevel));
  }
  const finish = finishMs(view, view.rate.middle, levels.length, levels);
  return { kvLevels: levels, usesStandby: false, finishMs: finish, loss: 0 };
}

function coarsest(view: View): Plan {
  const levels = view.outline.chunks.map(() => 0);
  return { kvLevels: levels, usesStandby: false, finishMs: 0, loss: 0 };
}
