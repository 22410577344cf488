import cliProgress from 'cli-progress';
import { type FamilyFigures, figuresOf } from './figures.ts';
import { sharedLink } from './shared.ts';
import { replay } from './suite.ts';
import { FAMILIES, type Family } from './trace.ts';

export interface StreamingOptions {
  /** Requests of each trace family. */
  requests: number;
  /** Clients that share one link, at every step from 1 to this, doubling. */
  clients: number;
}

export interface StreamingReport {
  requests: number;
  sloMiss: Record<Family, Record<string, number>>;
  /** Mean over the families; see docs/streaming.md for what it means. */
  regret: number;
  families: Record<Family, FamilyFigures>;
  /** Misses by number of clients on one link. */
  shared: Record<string, Record<string, number>>;
}

/** Tuning used seeds below; a report never meets them. */
const FIRST_SEED = 50_000;

/** Simulated requests over seeded traces: misses, quality and regret of the controller and its baselines. */
export function runStreaming({ requests, clients }: StreamingOptions): StreamingReport {
  const bar = new cliProgress.SingleBar(
    { format: 'streaming {bar} {value}/{total} {family}', stream: process.stderr, noTTYOutput: false },
    cliProgress.Presets.shades_classic,
  );
  bar.start(FAMILIES.length * requests, 0, { family: '' });
  const families = Object.fromEntries(
    FAMILIES.map((family, row) => {
      const replays = [];
      for (let i = 0; i < requests; i++) {
        replays.push(replay(family, FIRST_SEED + row * 100_000 + i));
        bar.increment({ family });
      }
      return [family, figuresOf(replays)];
    }),
  ) as Record<Family, FamilyFigures>;
  bar.stop();
  const shared: StreamingReport['shared'] = {};
  for (let count = 1; count <= clients; count *= 2) shared[count] = sharedLink(count, FIRST_SEED);
  return {
    requests,
    sloMiss: Object.fromEntries(FAMILIES.map((family) => [family, families[family].miss])) as Record<
      Family,
      Record<string, number>
    >,
    regret: FAMILIES.reduce((sum, family) => sum + families[family].regret, 0) / FAMILIES.length,
    families,
    shared,
  };
}
