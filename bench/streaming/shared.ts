import { type Arrival, simulate } from './simulate.ts';
import { STRATEGIES } from './suite.ts';
import { Draw, makeTrace } from './trace.ts';
import { makeWorkload } from './workload.ts';

const LINKS = 60;
/** Clients arrive within this time. */
const WITHIN_MS = 1_000;

/**
 * Misses when `count` clients share one LTE or Wi-Fi link, all with the same strategy. Their deadlines are those of a client that
 * has the link to itself, so misses are to be expected as clients are added; the question is which strategy yields.
 */
export function sharedLink(count: number, firstSeed: number): Record<string, number> {
  const misses: Record<string, number> = {};
  for (const name of ['ours', 'cachegen', 'draft', 'text']) {
    let missed = 0;
    for (let link = 0; link < LINKS; link++) {
      const seed = firstSeed + link;
      const trace = makeTrace(link % 2 === 0 ? 'lte' : 'wifi', 2 * seed);
      const draw = new Draw(seed);
      const arrivals: Arrival[] = Array.from({ length: count }, (_, client) => ({
        workload: makeWorkload(trace, 2 * seed + 1 + 1_000_000 * client),
        strategy: STRATEGIES[name]!,
        startMs: draw.between(0, WITHIN_MS),
      }));
      const outcomes = simulate(trace, arrivals);
      missed += outcomes.filter((o, i) => o.finishMs > arrivals[i]!.workload.deadlineMs).length;
    }
    misses[name] = missed / (LINKS * count);
  }
  return misses;
}
