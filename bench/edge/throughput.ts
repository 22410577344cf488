import { medianRatio } from '../statistics.ts';
import type { Endpoint, Target } from './fixture.ts';
import { runWrk } from './loader.ts';
import { cpuMsOf } from './process-cpu.ts';

export interface Rounds {
  rounds: number;
  seconds: number;
}

const CONNECTIONS = 8;

export interface Comparison {
  /** Median over rounds of the edge's requests per second by another's. */
  ratios: Record<string, number>;
  /** Median over rounds of another's CPU time per request by the edge's: the same ratio on a machine that does nothing else. */
  cpuRatios: Record<string, number>;
  /** Of every round. */
  requestsPerSecond: Record<string, number[]>;
  /** CPU time of the server's process per request, of every round. */
  cpuMs: Record<string, number[]>;
}

/** Full load on each server in turn, the order reversed from round to round. */
export async function compareThroughput(target: Target, { rounds, seconds }: Rounds): Promise<Comparison> {
  const servers: [string, Endpoint][] = Object.entries(target);
  const empty = (): Record<string, number[]> => Object.fromEntries(servers.map(([name]) => [name, []]));
  const [requestsPerSecond, cpuMs] = [empty(), empty()];
  for (let round = 0; round < rounds; round++) {
    for (const [name, { url, pid }] of round % 2 === 0 ? servers : servers.toReversed()) {
      const before = cpuMsOf(pid);
      const result = await runWrk(url, { connections: CONNECTIONS, seconds });
      requestsPerSecond[name]!.push(result.requestsPerSecond);
      cpuMs[name]!.push((cpuMsOf(pid) - before) / (result.requestsPerSecond * seconds));
    }
  }
  const against = (ratio: (name: string) => number) =>
    Object.fromEntries(servers.flatMap(([name]) => (name === 'edge' ? [] : [[name, ratio(name)]])));
  return {
    ratios: against((name) => medianRatio(requestsPerSecond.edge!, requestsPerSecond[name]!)),
    cpuRatios: against((name) => medianRatio(cpuMs[name]!, cpuMs.edge!)),
    requestsPerSecond,
    cpuMs,
  };
}
