import type { MetricsReport } from '../../protocol/api.ts';

export interface Figure {
  name: string;
  value: number;
}

export interface TrafficFigures {
  requests: number;
  /** Share of cacheable requests answered from a location's cache; null before the first. */
  hitRatio: number | null;
  cacheResults: Figure[];
  /** Answers by what gave them: memory, cache, store, origin. */
  tiers: Figure[];
  fills: number;
  fillReasons: Figure[];
  chunkBytesByLevel: Figure[];
  requestsByStatus: Figure[];
  ingest: Figure[];
  jobs: Figure[];
  problems: Figure[];
}

/** What the traffic section shows of the metrics. */
export function trafficFigures(report: MetricsReport): TrafficFigures {
  const by = (family: string, ...labels: string[]) => sumBy(report, family, labels);
  const cacheResults = by('kvedge_cache_requests_total', 'result');
  const asked = total(cacheResults);
  const hits = cacheResults.find(({ name }) => name === 'hit')?.value ?? 0;
  const fillReasons = by('kvedge_cache_fills_total', 'reason');
  const requestsByStatus = by('kvedge_requests_total', 'status');
  return {
    requests: total(requestsByStatus),
    hitRatio: asked === 0 ? null : hits / asked,
    cacheResults,
    tiers: by('kvedge_cache_requests_total', 'tier'),
    fills: total(fillReasons),
    fillReasons,
    chunkBytesByLevel: by('kvedge_chunk_bytes_total', 'level'),
    requestsByStatus,
    ingest: by('kvedge_ingest_total', 'kind', 'result'),
    jobs: by('kvedge_jobs_total', 'event'),
    problems: by('kvedge_problems_total', 'code'),
  };
}

/** Sums of a family by the values of some labels, the largest first. */
function sumBy({ families }: MetricsReport, family: string, labels: readonly string[]): Figure[] {
  const sums = new Map<string, number>();
  for (const sample of families.find(({ name }) => name === family)?.samples ?? []) {
    const name = labels.map((label) => sample.labels[label]).join(' ');
    sums.set(name, (sums.get(name) ?? 0) + sample.value);
  }
  return [...sums].map(([name, value]) => ({ name, value })).sort((a, b) => b.value - a.value);
}

function total(figures: readonly Figure[]): number {
  return figures.reduce((sum, { value }) => sum + value, 0);
}
