import type { Result } from './run-scenario.ts';

/** The results as Markdown. The request that a scenario is about is the one it has most of. */
export function printResults(results: readonly Result[]): string {
  const rows = results.map(
    ({ what, users, seconds, requestsPerSecond, byRequest, checksPassed, checksFailed, figures }) => {
      const main = byRequest.toSorted((a, b) => b.requests - a.requests)[0];
      const more = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
      return [
        what,
        users,
        seconds,
        requestsPerSecond.toFixed(0),
        main === undefined ? '' : `${main.name} ${main.p50Ms.toFixed(0)} / ${main.p99Ms.toFixed(0)}`,
        checksPassed,
        checksFailed,
        more.join(', '),
      ].join(' | ');
    },
  );
  const complaints = results.flatMap(({ name, examples, brokenThresholds, exceptions }) =>
    [...examples, ...brokenThresholds, ...exceptions].map((line) => `${name}: ${line}`),
  );
  return [
    '| scenario | clients | seconds | requests/s | p50 / p99 of its most frequent request, ms | checks passed | failed | besides |',
    '| --- | ---: | ---: | ---: | --- | ---: | ---: | --- |',
    ...rows.map((row) => `| ${row} |`),
    ...complaints,
  ].join('\n');
}
