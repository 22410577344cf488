import pRetry from 'p-retry';
import type * as z from 'zod';
import { Problem } from '../protocol/problems.ts';
import { ClientError, integrity } from './errors.ts';
import { readBounded } from './read-stream.ts';
import {
  DEFAULT_RETRIES,
  isRetriedStatus,
  MAX_DELAY_MS,
  MAX_RETRY_AFTER_MS,
  MIN_DELAY_MS,
  retryAfterMs,
} from './retry-timing.ts';

export interface EdgeAccess {
  /** Base URL of the edge. */
  edge: string;
  /** Bearer token; public contexts need none. */
  token?: string;
  /** Default: the global fetch. */
  fetch?: typeof globalThis.fetch;
  signal?: AbortSignal;
  /** Attempts after the first when the edge is away or overloaded. Default 4. */
  retries?: number;
}

/** Worth another attempt. Becomes `edge-unreachable` when there is none left. */
class Transient extends Error {
  readonly waitMs: number;

  constructor(message: string, waitMs: number, options?: ErrorOptions) {
    super(message, options);
    this.waitMs = waitMs;
  }
}

/**
 * Sends a request until `receive` has used its answer, with growing, jittered pauses between attempts. `receive` may throw
 * `Transient` errors of the body (a broken connection) and runs again with the next answer.
 *
 * Throws `ClientError`: edge-unreachable, edge-refused, context-not-found, context-gone.
 */
export async function request<T>(
  access: EdgeAccess,
  route: string,
  init: () => RequestInit & { query?: URLSearchParams },
  receive: (response: Response) => Promise<T>,
): Promise<T> {
  const send = access.fetch ?? globalThis.fetch;
  const attempt = async (): Promise<T> => {
    const { headers, query, ...rest } = init();
    const url = new URL(route, access.edge.endsWith('/') ? access.edge : `${access.edge}/`);
    if (query !== undefined) url.search = String(query);
    const all = new Headers(headers);
    if (access.token !== undefined) all.set('authorization', `Bearer ${access.token}`);
    try {
      const response = await send(url, {
        ...rest,
        headers: all,
        ...(access.signal && { signal: access.signal }),
      });
      if (!response.ok) throw await refusal(response, route);
      return await receive(response);
    } catch (error) {
      access.signal?.throwIfAborted();
      if (error instanceof ClientError || error instanceof Transient) throw error;
      throw new Transient(`the connection to ${url.origin} failed`, 0, { cause: error });
    }
  };
  try {
    return await pRetry(attempt, {
      retries: access.retries ?? DEFAULT_RETRIES,
      minTimeout: MIN_DELAY_MS,
      maxTimeout: MAX_DELAY_MS,
      randomize: true,
      ...(access.signal && { signal: access.signal }),
      shouldRetry: ({ error }) => error instanceof Transient && error.waitMs <= MAX_RETRY_AFTER_MS,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (error instanceof Transient && retriesLeft > 0 && error.waitMs <= MAX_RETRY_AFTER_MS) {
          await pause(error.waitMs, access.signal);
        }
      },
    });
  } catch (error) {
    access.signal?.throwIfAborted();
    if (!(error instanceof Transient)) throw error;
    throw new ClientError('edge-unreachable', `${route}: ${error.message}`, { cause: error.cause ?? error });
  }
}

export interface JsonAnswer<T> {
  status: number;
  /** Another URL answered than was asked (303, to the context of a finished job). */
  redirected: boolean;
  bytes: number;
  value: T;
}

/** A JSON answer, at most `maxBytes` long and of the given shape. Also gives its size. */
export function requestJson<Schema extends z.ZodType>(
  access: EdgeAccess,
  route: string,
  schema: Schema,
  maxBytes: number,
  init: RequestInit = {},
): Promise<JsonAnswer<z.output<Schema>>> {
  return request(
    access,
    route,
    () => init,
    async (response) => {
      const body = await readBounded(
        bodyOf(response, route),
        maxBytes,
        () => new ClientError('edge-answer-invalid', `${route}: the answer is larger than ${maxBytes} bytes`),
      );
      let json: unknown;
      try {
        json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      } catch (cause) {
        throw new ClientError('edge-answer-invalid', `${route}: the answer is not JSON`, { cause });
      }
      const parsed = schema.safeParse(json);
      if (parsed.success) {
        const { status, redirected } = response;
        return { status, redirected, bytes: body.length, value: parsed.data };
      }
      const [issue] = parsed.error.issues;
      throw new ClientError(
        'edge-answer-invalid',
        `${route}: the answer is not as expected at "${issue?.path.join('.')}": ${issue?.message}`,
      );
    },
  );
}

/**
 * The first `bytes` bytes of an object. A broken transfer goes on where it stopped (RFC 9110, section 14), and no byte
 * beyond is ever read, whatever the edge sends.
 */
export async function requestPrefix(
  access: EdgeAccess,
  route: string,
  bytes: number,
  onBytes?: (count: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const object = new Uint8Array(bytes);
  let got = 0;
  await requestRange(access, route, {
    fromByte: 0,
    toByte: () => bytes,
    onBytes: (piece) => {
      object.set(piece, got);
      got += piece.length;
      onBytes?.(piece.length);
    },
  });
  return object;
}

export interface RangeRequest {
  fromByte: number;
  /** The byte after the last. Asked again before every piece, so that a transfer can be cut short: it may move to the front. */
  toByte: () => number;
  /** Called with every piece, in order. */
  onBytes: (piece: Uint8Array<ArrayBuffer>) => void;
  /** Called when an answer begins. */
  onAnswer?: () => void;
}

/**
 * A byte range of an object. A broken transfer goes on behind the last byte that came, provided that the object is still the
 * same one (If-Range, RFC 9110, section 13.1.5): throws `integrity-failed` if its entity tag has changed.
 */
export function requestRange(
  access: EdgeAccess,
  route: string,
  { fromByte, toByte, onBytes, onAnswer }: RangeRequest,
): Promise<void> {
  let at = fromByte;
  let etag: string | null = null;
  return request(
    access,
    route,
    () => ({
      headers: {
        range: `bytes=${at}-${Math.max(at, toByte() - 1)}`,
        ...(etag !== null && { 'if-range': etag }),
      },
    }),
    async (response) => {
      onAnswer?.();
      const tag = strongTag(response);
      if (etag !== null && tag !== null && tag !== etag) {
        throw integrity(`${route}: the object changed from ${etag} to ${tag} while it was being read`);
      }
      etag ??= tag;
      let skip = response.status === 206 ? startOf(response, at, route) : at;
      const reader = bodyOf(response, route).getReader();
      try {
        while (at < toByte()) {
          const { done, value } = await reader.read();
          if (done) throw new Transient(`the transfer ended at byte ${at} of ${toByte()}`, 0);
          const from = Math.min(skip, value.length);
          skip -= from;
          const piece = value.subarray(from, Math.max(from, Math.min(value.length, from + toByte() - at)));
          if (piece.length === 0) continue;
          at += piece.length;
          onBytes(piece);
        }
      } finally {
        await reader.cancel().catch(() => {});
      }
    },
  );
}

/** The entity tag of an answer, if it is one that If-Range may carry. */
function strongTag(response: Response): string | null {
  const tag = response.headers.get('etag');
  return tag?.startsWith('"') ? tag : null;
}

/** How many leading bytes of a 206 body to skip: none, if it starts where it was asked to. */
function startOf(response: Response, expected: number, route: string): number {
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (Number(start) === expected) return 0;
  throw new ClientError(
    'edge-answer-invalid',
    `${route}: asked for bytes from ${expected}, got Content-Range from ${start}`,
  );
}

function bodyOf(response: Response, route: string): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (response.body !== null) return response.body;
  throw new ClientError('edge-answer-invalid', `${route}: the answer has no body`);
}

async function refusal(response: Response, route: string): Promise<ClientError | Transient> {
  const body = await response.json().catch(() => null);
  const problem = Problem.safeParse(body);
  const why = problem.success ? problem.data.detail : `status ${response.status}`;
  const message = `${route}: the edge answered ${response.status}: ${why}`;
  if (isRetriedStatus(response.status) && problem.data?.code !== 'engine-failed') {
    return new Transient(message, retryAfterMs(response.headers.get('retry-after'), Date.now()) ?? 0);
  }
  const code = problem.data?.code;
  if (code === 'context-not-found') return new ClientError('context-not-found', message);
  if (response.status === 410) return new ClientError('context-gone', message);
  return new ClientError('edge-refused', message, {
    ...(problem.success && { remedy: problem.data.remedy, problemCode: problem.data.code }),
  });
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
