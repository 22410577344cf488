import { medianRatio } from '../statistics.ts';
import type { Target } from './fixture.ts';
import { runWrk } from './loader.ts';
import type { Rounds } from './throughput.ts';

const CONNECTIONS = 16;

export interface LatencyComparison {
  /** Median over rounds of p99(edge) / p99(bare). */
  p99Ratio: number;
  p99Ms: { edge: number[]; bare: number[] };
  /** Requests per second that were offered to both. */
  offeredPerSecond: number;
}

/** The 99th percentile of both under half of what the bare Worker can do, alternated. */
export async function compareLatency(
  { edge, bare }: Target,
  barePerSecond: number,
  { rounds, seconds }: Rounds,
): Promise<LatencyComparison> {
  const offeredPerSecond = barePerSecond / 2;
  const load = { connections: CONNECTIONS, seconds, pauseMs: (1000 * CONNECTIONS) / offeredPerSecond };
  const p99Ms: LatencyComparison['p99Ms'] = { edge: [], bare: [] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['edge', 'bare'] as const) : (['bare', 'edge'] as const);
    for (const name of order) {
      p99Ms[name].push((await runWrk((name === 'edge' ? edge : bare).url, load)).p99Ms);
    }
  }
  return { p99Ratio: medianRatio(p99Ms.edge, p99Ms.bare), p99Ms, offeredPerSecond };
}
