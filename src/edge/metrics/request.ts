import type { TierOutcome } from '../tiers/outcome.ts';
import type { Tally } from './tally.ts';

/** What is known of a request once its answer is decided. */
export interface RequestFacts {
  method: string;
  /** Pattern as in the OpenAPI document, `(none)` if no route matched. */
  route: string;
  status: number;
  /** Announced size of the body; undefined without one, or for a stream of unknown length. */
  bytes: number | undefined;
  /** Value of `Cache-Status`; undefined for an answer that is not about a stored object. */
  cacheStatus: string | undefined;
  /** How the object that was opened last was read. */
  outcome: TierOutcome | undefined;
  /** Of a chunk: level name, or `(whole)`, `(budget)`, `(layers)`. */
  cut: string;
  wallMs: number;
  /** Code of the problem, if the answer is one. */
  code: string | undefined;
}

export const CHUNK_ROUTE = '/v1/chunks/{id}';
export const CONTEXT_ROUTE = '/v1/contexts/{id}';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
const INGEST = new Map([
  [CHUNK_ROUTE, 'chunk'],
  ['/v1/profiles/{id}', 'profile'],
  [CONTEXT_ROUTE, 'context'],
]);

/** Adds a request to all counters that it concerns. */
export function countRequest(tally: Tally, facts: RequestFacts): void {
  const { route, status, bytes, code } = facts;
  const method = METHODS.has(facts.method) ? facts.method : '(other)';
  tally.add('kvedge_requests_total', { method, route, status: `${Math.floor(status / 100)}xx` });
  tally.observe('kvedge_request_duration_seconds', { route }, facts.wallMs / 1000);
  if (code !== undefined) tally.add('kvedge_problems_total', { code });
  if (facts.cacheStatus !== undefined && facts.outcome !== undefined) {
    const { tier, forward, fill, stale } = facts.outcome;
    tally.add('kvedge_cache_requests_total', { route, tier, result: forward ?? 'hit' });
    if (fill === 'stored') tally.add('kvedge_cache_fills_total', { route, reason: forward ?? 'hit' });
    if (stale !== null) tally.add('kvedge_stale_total', { route, reason: stale });
  }
  if (bytes !== undefined && (status === 200 || status === 206) && method === 'GET') {
    tally.add('kvedge_response_bytes_total', { route }, bytes);
    if (route === CHUNK_ROUTE) tally.add('kvedge_chunk_bytes_total', { level: facts.cut }, bytes);
  }
  const kind = method === 'PUT' ? INGEST.get(route) : undefined;
  if (kind !== undefined) {
    const result = status === 201 ? 'stored' : status === 200 ? 'known' : (code ?? 'internal');
    tally.add('kvedge_ingest_total', { kind, result });
    if (kind === 'context' && status === 201) tally.add('kvedge_jobs_total', { event: 'published' });
  }
  if (method === 'POST' && route === '/v1/contexts' && status === 202) {
    tally.add('kvedge_jobs_total', { event: 'submitted' });
  }
}
