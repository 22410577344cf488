import type { Decision, Strategy, View } from '../controller/index.ts';

/** What was decided at a moment, and what was known of the link then. */
export interface PlanEntry {
  /** Since the call. */
  atMs: number;
  act: Decision['act'];
  /** Names of the levels that were planned, chunk by chunk from the first; the chunks after them as text. */
  levels: string[];
  /** What the link was thought to bring at least, and as likely more as less. */
  lowMbitPerSecond: number;
  mbitPerSecond: number;
}

const BITS_PER_BYTE = 8;

/** `strategy`, with every change of the plan added to `history`. */
export function recorded(
  strategy: Strategy,
  levelNames: readonly (readonly string[])[],
  history: PlanEntry[],
): Strategy {
  let before = '';
  return (view) => {
    const decision = strategy(view);
    const entry = entryOf(view, decision, levelNames);
    const what = `${entry.act} ${entry.levels}`;
    if (what !== before) history.push(entry);
    before = what;
    return decision;
  };
}

function entryOf(view: View, decision: Decision, levelNames: readonly (readonly string[])[]): PlanEntry {
  const mbit = (bytesPerMs: number) => Number(((bytesPerMs * BITS_PER_BYTE) / 1000).toFixed(2));
  return {
    atMs: Math.round(view.nowMs),
    act: decision.act,
    levels: decision.kvLevels.map((level, chunk) => levelNames[chunk]![level] ?? ''),
    lowMbitPerSecond: mbit(view.rate.low),
    mbitPerSecond: mbit(view.rate.middle),
  };
}
