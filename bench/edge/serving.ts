import { median } from '../statistics.ts';
import { type ComputeReport, measureCompute } from './compute.ts';
import { startFixture } from './fixture.ts';
import { compareLatency, type LatencyComparison } from './latency.ts';
import { type Comparison, compareThroughput, type Rounds } from './throughput.ts';

export interface ServingReport {
  /** Whole chunks from the cache: requests per second against a Worker that only looks into the Cache API. */
  chunkHitRatioVsBare: number;
  /** The same chunk as a file of nginx. */
  chunkHitRatioVsNginx: number;
  /** A level of a chunk, against the bare Worker that serves the level's bytes as an object. */
  levelHitRatioVsBare: number;
  /** A manifest against a route of hono that answers with the same JSON. */
  manifestRatioVsBare: number;
  /** 99th percentile of chunk hits at half the bare Worker's throughput. */
  p99Ratio: number;
  /**
   * The most that a request costs: CPU time of all of workerd for a hit, its simulation of the cache included, or what the Worker
   * computes for ingest and cuts.
   */
  cpuMsPerRequest: number;
  chunkBytes: number;
  whole: Comparison;
  level: Comparison;
  manifest: Comparison;
  latency: LatencyComparison;
  compute: ComputeReport;
}

/** Throughput, latency and CPU time of the edge beside the least that could serve the same bytes. */
export async function runServing(rounds: Rounds): Promise<ServingReport> {
  const fixture = await startFixture();
  try {
    const whole = await compareThroughput(fixture.whole, rounds);
    const level = await compareThroughput(fixture.level, rounds);
    const manifest = await compareThroughput(fixture.manifest, rounds);
    const barePerSecond = median(whole.requestsPerSecond.bare!);
    const latency = await compareLatency(fixture.whole, barePerSecond, rounds);
    const compute = await measureCompute(fixture);
    const hits = [whole, level, manifest].map(({ cpuMs }) => median(cpuMs.edge!));
    return {
      chunkHitRatioVsBare: whole.ratios.bare!,
      chunkHitRatioVsNginx: whole.ratios.nginx!,
      levelHitRatioVsBare: level.ratios.bare!,
      manifestRatioVsBare: manifest.ratios.bare!,
      p99Ratio: latency.p99Ratio,
      cpuMsPerRequest: Math.max(...hits, compute.ingest, compute.layersCut),
      chunkBytes: fixture.context.chunks[0]!.bytes.length,
      whole,
      level,
      manifest,
      latency,
      compute,
    };
  } finally {
    await fixture.close();
  }
}
