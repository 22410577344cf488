import { type HerdFigures, runHerd } from './herd.ts';
import { type KillFigures, runKills } from './kill.ts';

export type EdgeReport = HerdFigures & KillFigures;

/** The edge under load and under fire (docs/operations.md). */
export async function runEdge(): Promise<EdgeReport> {
  return { ...(await runHerd()), ...(await runKills()) };
}
