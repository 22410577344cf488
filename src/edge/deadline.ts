/** What a client says of its link and of the time it has. */
export interface DeadlineHint {
  deadlineMs: number;
  mbitPerSecond: number;
}

/** Bytes that arrive before the deadline. */
export function bytesBefore({ deadlineMs, mbitPerSecond }: DeadlineHint): number {
  return Math.floor((deadlineMs * mbitPerSecond * 1000) / 8);
}

/**
 * The best level that arrives before the deadline; the coarsest if none does, because that is the fastest. `levels` are coarsest
 * first and not empty.
 */
export function levelBefore<L extends { bytes: number }>(levels: readonly L[], hint: DeadlineHint): L {
  const budget = bytesBefore(hint);
  return levels.findLast((level) => level.bytes <= budget) ?? levels[0]!;
}
