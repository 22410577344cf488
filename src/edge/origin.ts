import { type JobRequest, JobStatus } from '../protocol/api.ts';
import { PROBLEMS, Problem, type ProblemCode, ProblemError } from '../protocol/problems.ts';
import { PUBLIC, TENANT_HEADER } from '../protocol/tenant.ts';
import type { Env } from './env.ts';

/** Tokenizing a long text and writing the job down; the work itself is not waited for. */
const SUBMIT_TIMEOUT_MS = 30_000;
const STATUS_TIMEOUT_MS = 5_000;
const RETRY_AFTER_SECONDS = 5;

/** Codes of the origin that speak of the Worker's own request, not of the client's. */
const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set([
  'unauthorized',
  'forbidden',
  'internal',
  'route-not-found',
  'method-not-allowed',
  'length-required',
  'unsupported-media-type',
]);

/**
 * The service that computes contexts, as the Worker sees it. It is told for which tenant it is asked, and knows of no job but
 * the public ones and that tenant's.
 */
export class Origin {
  readonly #env: Env;
  readonly #requestId: string;
  readonly #tenant: string;

  constructor(env: Env, requestId: string, tenant: string) {
    this.#env = env;
    this.#requestId = requestId;
    this.#tenant = tenant;
  }

  /** Asks for a context to be computed; idempotent by content. */
  async submit(body: JobRequest): Promise<JobStatus> {
    const response = await this.#fetch(
      '/v1/jobs',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
      SUBMIT_TIMEOUT_MS,
    );
    return readStatus(await accepted(response));
  }

  /** State of a context's job; null if the origin has none. */
  async status(id: string): Promise<JobStatus | null> {
    const response = await this.#fetch(`/v1/jobs/${id}`, {}, STATUS_TIMEOUT_MS);
    const found = await acceptedOrUnknown(response);
    return found === null ? null : readStatus(found);
  }

  /** The job's Server-Sent Events; null if the origin has no such job. The timeout is for the first byte only. */
  async events(id: string): Promise<ReadableStream | null> {
    const response = await this.#fetch(
      `/v1/jobs/${id}/events`,
      { headers: { accept: 'text/event-stream' } },
      STATUS_TIMEOUT_MS,
    );
    const found = await acceptedOrUnknown(response);
    if (found === null) return null;
    const { headers, body } = found;
    if (body === null || !headers.get('content-type')?.startsWith('text/event-stream')) {
      await body?.cancel();
      throw new ProblemError('origin-failed', 'the origin did not answer with an event stream');
    }
    return body;
  }

  async #fetch(path: string, init: RequestInit, timeoutMs: number): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('x-request-id', this.#requestId);
    if (this.#tenant !== PUBLIC) headers.set(TENANT_HEADER, this.#tenant);
    if (this.#env.ORIGIN_TOKEN !== undefined) {
      headers.set('authorization', `Bearer ${this.#env.ORIGIN_TOKEN}`);
    }
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), timeoutMs);
    try {
      return await fetch(this.#env.ORIGIN_URL + path, {
        ...init,
        headers,
        redirect: 'manual',
        signal: abort.signal,
      });
    } catch (cause) {
      const why = abort.signal.aborted ? `did not answer within ${timeoutMs} ms` : 'refused the connection';
      throw unreachable(`the origin ${why}`, cause);
    } finally {
      clearTimeout(timer);
    }
  }
}

function unreachable(detail: string, cause?: unknown): ProblemError {
  return new ProblemError(
    'origin-unreachable',
    detail,
    { 'retry-after': String(RETRY_AFTER_SECONDS) },
    { cause },
  );
}

/** Passes a 2xx on. Throws the origin's own problem when it is the client's business, else `origin-failed`. */
async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response;
  const type = response.headers.get('content-type') ?? '';
  const body: unknown = type.includes('json') ? await response.json().catch(() => null) : null;
  if (body === null) await response.body?.cancel().catch(() => {});
  const problem = Problem.safeParse(body);
  if (!problem.success) {
    // Gateways between Worker and origin answer like this when the origin is down (52x and 530 are Cloudflare's own).
    if ([502, 503, 504].includes(response.status) || response.status >= 520) {
      throw unreachable(`the origin answered with status ${response.status}`);
    }
    throw new ProblemError('origin-failed', `the origin answered with status ${response.status}`);
  }
  const { code, detail } = problem.data;
  const retryAfter = response.headers.get('retry-after');
  if (code in PROBLEMS && !NOT_FOR_CLIENTS.has(code)) {
    throw new ProblemError(
      code as ProblemCode,
      detail,
      retryAfter === null ? {} : { 'retry-after': retryAfter },
    );
  }
  throw new ProblemError('origin-failed', `${code}: ${detail}`);
}

/** Like `accepted`, but null when the origin itself says that it has no such job; any other 404 is a wrong ORIGIN_URL. */
async function acceptedOrUnknown(response: Response): Promise<Response | null> {
  return accepted(response).catch((error) => {
    if (error instanceof ProblemError && error.code === 'context-not-found') return null;
    throw error;
  });
}

async function readStatus(response: Response): Promise<JobStatus> {
  const status = JobStatus.safeParse(await response.json().catch(() => null));
  if (!status.success) throw new ProblemError('origin-failed', 'the origin did not answer with a JobStatus');
  return status.data;
}

/**
 * The problem of a failed job. Codes that say whose fault it was on the server's side are kept; any other would
 * read as if the request that merely asks for the state were wrong.
 */
export function jobFailure(status: JobStatus): ProblemError {
  const { code, detail } = status.error ?? { code: 'internal', detail: 'the job failed' };
  const known = code in PROBLEMS ? (code as ProblemCode) : undefined;
  if (known !== undefined && PROBLEMS[known][0] >= 500 && known !== 'internal') {
    return new ProblemError(known, detail);
  }
  return new ProblemError('origin-failed', `the job failed with ${code}: ${detail}`);
}
