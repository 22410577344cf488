import { type HerdFigures, runHerd } from './herd.ts';
import { type KillFigures, runKills } from './kill.ts';
import { runServing, type ServingReport } from './serving.ts';
import type { Rounds } from './throughput.ts';

export type EdgeReport = ServingReport & HerdFigures & KillFigures;

/** What the edge costs, and the edge under load and under fire (docs/performance.md, docs/operations.md). */
export async function runEdge(rounds: Rounds): Promise<EdgeReport> {
  return { ...(await runServing(rounds)), ...(await runHerd()), ...(await runKills()) };
}
