import { type Replay, STRATEGIES } from './suite.ts';
import { LEVELS } from './workload.ts';

export interface FamilyFigures {
  /** Share of requests whose first token could not come by the deadline. */
  miss: Record<string, number>;
  /** Mean quality, 0 to 1, where the oracle meets the deadline; a miss counts 0. */
  quality: Record<string, number>;
  /** Mean KLD of the requests that were in time. */
  kld: Record<string, number>;
  /** 1 - quality of ours / quality of the oracle. */
  regret: number;
  /** Largest ratio of our finish to that of text. */
  slowestAgainstText: number;
  /** Largest ratio of our finish to the deadline or the fastest fixed level's finish, whichever is later. */
  slowestAgainstFixed: number;
  requestsPerChunk: number;
  /** Share of the received bytes that came after their transfer had been cut short. */
  wasted: number;
}

const COARSEST_KLD = LEVELS[0].kld;
const FINEST_KLD = LEVELS.at(-1)!.kld;

/** Logarithm of the damage: 0 at `draft`, 1 at `near-lossless` and at text. */
export function qualityOf(kld: number): number {
  return Math.log(COARSEST_KLD / Math.max(FINEST_KLD, kld)) / Math.log(COARSEST_KLD / FINEST_KLD);
}

export function figuresOf(replays: readonly Replay[]): FamilyFigures {
  const names = Object.keys(STRATEGIES);
  const met = replays.filter((replay) => replay.oracle.meets);
  const inTime = (replay: Replay, name: string) =>
    replay.outcomes[name]!.finishMs <= replay.workload.deadlineMs;
  const each = (figure: (name: string) => number) =>
    Object.fromEntries(names.map((name) => [name, figure(name)]));
  const miss = each((name) => share(replays, (replay) => !inTime(replay, name)));
  const quality = each((name) =>
    mean(met, (replay) => (inTime(replay, name) ? qualityOf(replay.outcomes[name]!.loss) : 0)),
  );
  const best = mean(met, (replay) => qualityOf(replay.oracle.loss!));
  const ours = replays.map((replay) => replay.outcomes.ours!);
  return {
    miss: { ...miss, oracle: share(replays, (replay) => !replay.oracle.meets) },
    quality: { ...quality, oracle: best },
    kld: {
      ...each((name) =>
        mean(
          replays.filter((replay) => inTime(replay, name)),
          (replay) => replay.outcomes[name]!.loss,
        ),
      ),
      oracle: mean(met, (replay) => replay.oracle.loss!),
    },
    regret: 1 - quality.ours! / best,
    slowestAgainstText: Math.max(
      ...replays.map(({ outcomes }) => outcomes.ours!.finishMs / outcomes.text!.finishMs),
    ),
    slowestAgainstFixed: Math.max(
      ...replays.map(({ outcomes, workload }) => {
        const fixed = Math.min(...LEVELS.map(({ name }) => outcomes[name]!.finishMs));
        return outcomes.ours!.finishMs / Math.max(workload.deadlineMs, fixed);
      }),
    ),
    requestsPerChunk: mean(
      replays,
      ({ outcomes, workload }) => outcomes.ours!.requests / workload.truth.chunks.length,
    ),
    wasted:
      ours.reduce((sum, outcome) => sum + outcome.wastedBytes, 0) /
      ours.reduce((sum, outcome) => sum + outcome.receivedBytes, 0),
  };
}

function mean<T>(items: readonly T[], value: (item: T) => number): number {
  return items.length === 0 ? 0 : items.reduce((sum, item) => sum + value(item), 0) / items.length;
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return mean(items, (item) => (holds(item) ? 1 : 0));
}
