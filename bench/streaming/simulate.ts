import type { Strategy } from '../../src/client/controller/index.ts';
import { nextChange, slowStartCap } from './capacity.ts';
import { ClientRun, type Outcome } from './client-run.ts';
import { pieceAt, type Trace } from './trace.ts';
import type { Workload } from './workload.ts';

export interface Arrival {
  workload: Workload;
  strategy: Strategy;
  /** When it asks for its context. */
  startMs: number;
}

/** After this much simulated time something is wrong. */
const MAX_MS = 3_600_000;

/**
 * Runs clients over one link, which all that have something to receive share equally. Event by event: between two events
 * every rate is constant, so nothing is lost to a time step. Times are those at the client: a request's bytes can arrive one
 * round trip after it was made, and bytes keep coming for one round trip after a transfer was cut short. A client's
 * transfers come one after the other, over a connection that starts slowly.
 */
export function simulate(trace: Trace, arrivals: readonly Arrival[]): Outcome[] {
  const { roundTripMs } = trace;
  const runs = arrivals.map(
    ({ workload, strategy, startMs }) => new ClientRun(workload, strategy, roundTripMs, startMs),
  );
  const rates = new Float64Array(runs.length);
  let timeMs = Math.min(...arrivals.map(({ startMs }) => startMs));
  for (const run of runs) if (run.startMs <= timeMs) run.handle(timeMs);
  while (runs.some((run) => !run.isDone())) {
    if (timeMs > MAX_MS) throw new Error('a simulated request does not end');
    const served = runs.filter((run) => run.isServedAt(timeMs)).length;
    const shared = trace.bytesPerMs[pieceAt(trace, timeMs)]! / Math.max(1, served);
    let nextMs = served > 0 ? nextChange(trace, timeMs) : Number.POSITIVE_INFINITY;
    for (const [i, run] of runs.entries()) {
      rates[i] = 0;
      if (run.isServedAt(timeMs)) {
        const cap = slowStartCap(roundTripMs, timeMs - run.startMs - roundTripMs);
        rates[i] = Math.min(shared, cap.bytesPerMs);
        nextMs = Math.min(nextMs, run.startMs + roundTripMs + cap.untilMs);
      }
      if (!run.isDone()) nextMs = Math.min(nextMs, run.nextEvent(timeMs, rates[i]!));
    }
    nextMs = Math.max(nextMs, timeMs);
    for (const [i, run] of runs.entries()) run.advance(timeMs, nextMs, rates[i]!);
    timeMs = nextMs;
    for (const run of runs) if (run.startMs <= timeMs) run.handle(timeMs);
  }
  return runs.map((run) => run.outcome!);
}
