/** Milliseconds of every round by stage. */
export type RawMs = Record<string, number[]>;

/** Runs each stage once per round, in turns forwards and backwards, and adds its milliseconds to `raw`. */
export function timeStages(stages: Record<string, () => unknown>, rounds: number, raw: RawMs): void {
  const names = Object.keys(stages);
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const start = performance.now();
      stages[name]?.();
      const times = raw[name] ?? [];
      raw[name] = [...times, performance.now() - start];
    }
  }
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] as number;
  return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
