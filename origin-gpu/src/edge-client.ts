import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { z } from 'zod';
import {
  type JobEvent,
  LEVELS_SIGNATURE_HEADER,
  type PublishManifest,
  StoredChunk,
} from '../../src/protocol/api.ts';
import { Lease, LeaseTerms } from '../../src/protocol/jobs.ts';
import type { Signature } from '../../src/protocol/manifest.ts';
import { Problem } from '../../src/protocol/problems.ts';
import { PUBLIC, TENANT_HEADER } from '../../src/protocol/tenant.ts';

export interface EdgeClientOptions {
  edgeUrl: string;
  /** A token with the scope `compute`. */
  token: () => Promise<string> | string;
  /** For whom it publishes; `PUBLIC` for everybody. */
  tenant: string;
  signal: AbortSignal;
  /** Called before every wait for the next attempt. */
  onRetry?: (reason: string) => void;
  /** First wait between two attempts; doubled each time. Default 500. */
  minDelayMs?: number;
  /** Longest wait. Default 30,000. */
  maxDelayMs?: number;
}

const REQUEST_TIMEOUT_MS = 120_000;
const MAX_RETRY_AFTER_SECONDS = 300;
const CHUNK_TYPE = 'application/vnd.kvedge.chunk';
const PROFILE_TYPE = 'application/vnd.kvedge.profile';

/** The edge understood and refused; trying again changes nothing. */
export class EdgeRefused extends Error {
  override readonly name = 'EdgeRefused';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The edge is away or overloaded. */
class EdgeAway extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Takes work from the edge and puts payloads on it. Every request is idempotent and tried until the edge takes or refuses it, with growing
 * pauses; only an abort ends the trying. Throws `EdgeRefused`.
 */
export class EdgeClient {
  readonly #options: EdgeClientOptions;

  constructor(options: EdgeClientOptions) {
    this.#options = options;
  }

  hasProfile(id: string): Promise<boolean> {
    return this.#exists(`v1/profiles/${id}`);
  }

  /** Takes a job of one of the models, waiting at the edge for one; null when there was none for a while. */
  async lease(models: readonly string[]): Promise<Lease | null> {
    const response = await this.#post('v1/jobs/lease', { models });
    return response.status === 204 ? null : this.#parsed(Lease, response, 'v1/jobs/lease');
  }

  /** Tells news of a job, or none, and keeps its lease. Throws `EdgeRefused` `lease-lost` when it has ended. */
  async report(jobId: string, leaseId: string, events: readonly JobEvent[]): Promise<LeaseTerms> {
    const route = `v1/jobs/${jobId}/report`;
    return this.#parsed(LeaseTerms, await this.#post(route, { leaseId, events }), route);
  }

  async release(jobId: string, leaseId: string): Promise<void> {
    await this.#post(`v1/jobs/${jobId}/release`, { leaseId });
  }

  /** What the edge stores under a chunk's id; null if nothing. */
  async storedChunk(id: string): Promise<StoredChunk | null> {
    const route = `v1/chunks/${id}/levels`;
    const response = await this.#request('GET', route);
    return response.status === 404 ? null : this.#parsed(StoredChunk, response, route);
  }

  async putProfile(id: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#request('PUT', `v1/profiles/${id}`, file, { 'content-type': PROFILE_TYPE });
  }

  /** Returns what the edge stores now, which may be an equal chunk that another origin encoded. */
  async putChunk(
    id: string,
    object: Uint8Array<ArrayBuffer>,
    { publicKey, value }: Signature,
  ): Promise<StoredChunk> {
    const response = await this.#request('PUT', `v1/chunks/${id}`, object, {
      'content-type': CHUNK_TYPE,
      [LEVELS_SIGNATURE_HEADER]: `${publicKey}.${value}`,
    });
    return this.#parsed(StoredChunk, response, `v1/chunks/${id}`);
  }

  async putContext(id: string, body: z.input<typeof PublishManifest>): Promise<void> {
    await this.#request('PUT', `v1/contexts/${id}`, JSON.stringify(body), {
      'content-type': 'application/json',
    });
  }

  async #exists(route: string): Promise<boolean> {
    const response = await this.#request('HEAD', route);
    return response.status === 200;
  }

  #post(route: string, body: unknown): Promise<Response> {
    return this.#request('POST', route, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  async #parsed<S extends z.ZodType>(schema: S, response: Response, route: string): Promise<z.output<S>> {
    const parsed = schema.safeParse(await response.json().catch(() => null));
    if (parsed.success) return parsed.data;
    throw new EdgeRefused(502, 'edge-answer-invalid', `The edge's answer to /${route} is not as expected.`);
  }

  /** A response of status 2xx, or 404 to a question. */
  #request(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT',
    route: string,
    body?: BodyInit,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const { signal, onRetry, minDelayMs = 500, maxDelayMs = 30_000 } = this.#options;
    return pRetry(() => this.#attempt(method, route, body, headers), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: minDelayMs,
      maxTimeout: maxDelayMs,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof EdgeAway,
      onFailedAttempt: async ({ error }) => {
        if (!(error instanceof EdgeAway)) return;
        onRetry?.(error.message);
        if (error.retryAfterMs > 0) await delay(error.retryAfterMs, undefined, { signal });
      },
    });
  }

  async #attempt(
    method: string,
    route: string,
    body: BodyInit | undefined,
    more: Record<string, string>,
  ): Promise<Response> {
    const { edgeUrl, token, tenant, signal } = this.#options;
    const headers: Record<string, string> = { ...more, authorization: `Bearer ${await token()}` };
    if (tenant !== PUBLIC) headers[TENANT_HEADER] = tenant;
    let response: Response;
    try {
      response = await fetch(new URL(route, withSlash(edgeUrl)), {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new EdgeAway(`the edge at ${edgeUrl} cannot be reached`, 0, { cause });
    }
    if (response.ok || (['GET', 'HEAD'].includes(method) && response.status === 404)) return response;
    throw await failureOf(response, `${method} /${route}`);
  }
}

async function failureOf(response: Response, what: string): Promise<EdgeAway | EdgeRefused> {
  const problem = Problem.safeParse(await response.json().catch(() => null));
  const why = problem.success ? problem.data.detail : `status ${response.status}`;
  const message = `The edge answered ${what} with ${response.status}: ${why}`;
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    const seconds = Number(response.headers.get('retry-after') ?? 0);
    return new EdgeAway(message, seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000 : 0);
  }
  return new EdgeRefused(response.status, problem.success ? problem.data.code : 'edge-refused', message);
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
