import type { ContextList, JobStatus, MetricsReport } from '../../protocol/api.ts';
import type { Manifest } from '../../protocol/manifest.ts';

/** The API said no; the message is for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
}

export type ContextState =
  | { state: 'published'; manifest: Manifest }
  | { state: 'pending'; status: JobStatus };

export async function listContexts(cursor: string | null): Promise<ContextList> {
  const query = cursor === null ? '' : `&cursor=${cursor}`;
  return (await ask(`/v1/contexts?limit=20${query}`)).json();
}

export async function getContext(id: string): Promise<ContextState> {
  const response = await ask(`/v1/contexts/${id}`);
  if (response.status === 202) return { state: 'pending', status: await response.json() };
  return { state: 'published', manifest: await response.json() };
}

export function eventsUrl(id: string): string {
  return `/v1/contexts/${id}/events`;
}

export async function getMetrics(token: string): Promise<MetricsReport> {
  const headers = { accept: 'application/json', authorization: `Bearer ${token}` };
  return (await ask('/metrics', headers)).json();
}

async function ask(path: string, headers: HeadersInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { headers });
  } catch {
    throw new ApiError('The edge cannot be reached.');
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  const { title = `Status ${response.status}`, detail = '', remedy = '' } = problem ?? {};
  throw new ApiError(`${title}: ${detail}. ${remedy}`);
}
