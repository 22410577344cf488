import { median } from '../statistics.ts';

export interface Comparison {
  medianMs: { existing: number; absent: number };
  /** Probability that a random answer about the existing id took longer than one about the absent id; 0.5: no difference. */
  probabilityLonger: number;
  /** That, in standard deviations from 0.5 (Mann-Whitney U): beyond 3 the two can be told apart. */
  deviations: number;
}

/** Compares two samples of times by rank, so that outliers do not count. */
export function compareSamples(existingMs: readonly number[], absentMs: readonly number[]): Comparison {
  const [n, m] = [existingMs.length, absentMs.length];
  const all = [
    ...existingMs.map((ms) => ({ ms, existing: true })),
    ...absentMs.map((ms) => ({ ms, existing: false })),
  ].sort((a, b) => a.ms - b.ms);
  let rankSum = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]!.ms === all[start]!.ms) end++;
    const meanRank = (start + 1 + end) / 2; // of equal times
    for (let i = start; i < end; i++) if (all[i]!.existing) rankSum += meanRank;
    start = end;
  }
  const u = rankSum - (n * (n + 1)) / 2;
  const deviation = Math.sqrt((n * m * (n + m + 1)) / 12);
  return {
    medianMs: { existing: median(existingMs), absent: median(absentMs) },
    probabilityLonger: u / (n * m),
    deviations: (u - (n * m) / 2) / deviation,
  };
}
