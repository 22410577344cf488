import { median } from '../statistics.ts';
import type { EdgeReport } from './main.ts';
import type { ServingReport } from './serving.ts';
import type { Comparison } from './throughput.ts';

/** The report as Markdown. */
export function printEdge(report: EdgeReport): string {
  const { herdClients, herdServed, herdComputations, herdMs, killPoints, halfPublished, lostJobs } = report;
  return [
    printServing(report),
    `Herd of ${herdClients} clients on a context that nobody has: ${herdComputations} computation, ${herdServed} served, ${herdMs} ms`,
    `Origin killed at ${killPoints} points: ${halfPublished} contexts half published, ${lostJobs} jobs lost`,
  ].join('\n');
}

function printServing(report: ServingReport): string {
  const { whole, level, manifest, latency, compute } = report;
  return [
    `A chunk of ${report.chunkBytes} bytes; medians; ratio: kvedge by the other, above 1 is better`,
    '',
    '| from the cache | server | requests/s | ratio | CPU ms/request | ratio |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows('whole chunk', whole),
    ...rows('level', level),
    ...rows('manifest', manifest),
    '',
    `p99 at ${latency.offeredPerSecond.toFixed(0)} requests/s: ${median(latency.p99Ms.edge).toFixed(1)} ms, ` +
      `minimal Worker ${median(latency.p99Ms.bare).toFixed(1)} ms, ratio ${latency.p99Ratio.toFixed(2)}`,
    `Computed per request: ingest ${compute.ingest.toFixed(1)} ms, cut of half the layers ${compute.layersCut.toFixed(1)} ms`,
  ].join('\n');
}

function rows(what: string, { requestsPerSecond, ratios, cpuMs, cpuRatios }: Comparison): string[] {
  return Object.keys(requestsPerSecond).map((server) => {
    const cells = [
      what,
      server,
      median(requestsPerSecond[server]!).toFixed(0),
      ratios[server]?.toFixed(2) ?? '',
      median(cpuMs[server]!).toFixed(2),
      cpuRatios[server]?.toFixed(2) ?? '',
    ];
    return `| ${cells.join(' | ')} |`;
  });
}
