export interface FamilySpec {
  type: 'counter' | 'histogram';
  help: string;
  labels: readonly string[];
}

/** Upper bounds of the duration histogram, in seconds; a last bucket takes the rest. */
export const DURATION_BUCKETS_SECONDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Everything the edge counts; docs/operations.md, "Seeing it", explains each to operators. */
export const FAMILIES = {
  kvedge_requests_total: {
    type: 'counter',
    help: 'Requests answered, by method, route pattern and status class.',
    labels: ['method', 'route', 'status'],
  },
  kvedge_request_duration_seconds: {
    type: 'histogram',
    help: 'Wall time from the arrival of a request to the headers of its answer.',
    labels: ['route'],
  },
  kvedge_cpu_seconds: {
    type: 'histogram',
    help: 'CPU time of an invocation of the Worker, as its Tail Worker is told by the platform.',
    labels: ['outcome'],
  },
  kvedge_response_bytes_total: {
    type: 'counter',
    help: 'Body bytes of stored objects sent, as announced by Content-Length.',
    labels: ['route'],
  },
  kvedge_chunk_bytes_total: {
    type: 'counter',
    help: 'Body bytes of chunks sent, by level or kind of cut.',
    labels: ['level'],
  },
  kvedge_cache_requests_total: {
    type: 'counter',
    help: "Answers by what gave them, and what the location's cache did: hit, or why the request went on (RFC 9211).",
    labels: ['route', 'tier', 'result'],
  },
  kvedge_cache_fills_total: {
    type: 'counter',
    help: 'Objects that a request began to copy into the cache, by why it was forwarded.',
    labels: ['route', 'reason'],
  },
  kvedge_stale_total: {
    type: 'counter',
    help: 'Copies past their freshness that were served, by what allowed it (RFC 5861).',
    labels: ['route', 'reason'],
  },
  kvedge_ingest_total: {
    type: 'counter',
    help: 'Payloads that origins sent: stored now, known before, or the code of their refusal.',
    labels: ['kind', 'result'],
  },
  kvedge_jobs_total: {
    type: 'counter',
    help: 'Contexts submitted to be computed, contexts published, and jobs that failed for good.',
    labels: ['event'],
  },
  kvedge_problems_total: {
    type: 'counter',
    help: 'Answers that were a problem document, by its code.',
    labels: ['code'],
  },
  kvedge_series_dropped_total: {
    type: 'counter',
    help: 'Additions to series beyond the limit, which are not kept.',
    labels: [],
  },
} as const satisfies Record<string, FamilySpec>;

export type FamilyName = keyof typeof FAMILIES;

type NamesOf<T extends FamilySpec['type']> = {
  [N in FamilyName]: (typeof FAMILIES)[N]['type'] extends T ? N : never;
}[FamilyName];
export type CounterName = NamesOf<'counter'>;
export type HistogramName = NamesOf<'histogram'>;

/** Values of a family's labels, by name. */
export type Labels<N extends FamilyName> = Record<(typeof FAMILIES)[N]['labels'][number], string>;
