/** Milliseconds of every round by stage. */
export type RawMs = Record<string, number[]>;

/** The same work by the clock, and in CPU time of all threads of its process. */
export interface Raw {
  wall: RawMs;
  cpu: RawMs;
}

export async function timeStage(raw: Raw, name: string, work: () => unknown): Promise<void> {
  const [start, cpuStart] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpuStart);
  append(raw.wall, name, [performance.now() - start]);
  append(raw.cpu, name, [(user + system) / 1e3]);
}

/** Runs each stage once per round, in turns forwards and backwards. */
export async function timeStages(raw: Raw, stages: Record<string, () => unknown>, rounds: number) {
  const entries = Object.entries(stages);
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of round % 2 === 0 ? entries : entries.toReversed())
      await timeStage(raw, name, work);
  }
}

export function append(raw: RawMs, name: string, times: readonly number[]): void {
  raw[name] = [...(raw[name] ?? []), ...times];
}
