import {
  adaptive,
  cachegenRule,
  fixedLevel,
  type Strategy,
  textOnly,
} from '../../src/client/controller/index.ts';
import type { Outcome } from './client-run.ts';
import { type OracleAnswer, oracle } from './oracle.ts';
import { simulate } from './simulate.ts';
import { type Family, makeTrace } from './trace.ts';
import { LEVELS, makeWorkload, type Workload } from './workload.ts';

export const STRATEGIES: Record<string, Strategy> = {
  ours: adaptive,
  cachegen: cachegenRule,
  ...Object.fromEntries(LEVELS.map(({ name }, level) => [name, fixedLevel(level)])),
  text: textOnly,
};

/** One request under every strategy. */
export interface Replay {
  family: Family;
  seed: number;
  workload: Workload;
  oracle: OracleAnswer;
  outcomes: Record<string, Outcome>;
}

/** Seeds of one family never meet those of another, nor those of tuning those of a report. */
export function replay(family: Family, seed: number): Replay {
  const trace = makeTrace(family, 2 * seed);
  const workload = makeWorkload(trace, 2 * seed + 1);
  const outcomes: Record<string, Outcome> = {};
  for (const [name, strategy] of Object.entries(STRATEGIES))
    outcomes[name] = simulate(trace, [{ workload, strategy, startMs: 0 }])[0]!;
  return { family, seed, workload, oracle: oracle(trace, workload), outcomes };
}
