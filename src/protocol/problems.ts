import * as z from 'zod';

/**
 * Every problem of the API: its HTTP status, and what to do. Each code has an entry in docs/api.md.
 * Codes are stable; never reuse one for another meaning.
 */
export const PROBLEMS = {
  'bad-request': [400, 'The request is malformed', 'Compare the request with /openapi.json.'],
  unauthorized: [
    401,
    'No valid token',
    'Send "Authorization: Bearer <token>"; make one with "kvedge token create".',
  ],
  forbidden: [403, 'The token lacks the scope', 'Use a token with the scope named in the detail.'],
  'quota-exceeded': [
    403,
    'The tenant has used up its quota',
    'Delete contexts or let them expire, or ask the operator for more.',
  ],
  'context-not-found': [404, 'No such context', 'Publish it with POST /v1/contexts, or check the id.'],
  'chunk-not-found': [404, 'No such chunk', 'Take chunk ids from the manifest of the context.'],
  'profile-not-found': [404, 'No such profile', 'Take the profile id from the manifest of the context.'],
  'route-not-found': [404, 'No such route', 'See /openapi.json.'],
  'model-unknown': [
    404,
    'The origin does not serve this model',
    'Use a model that the origin was started with.',
  ],
  'method-not-allowed': [405, 'Method not allowed', 'See the Allow header.'],
  conflict: [
    409,
    'Different content is stored under this id',
    'Ids are derived from content; compute the id anew.',
  ],
  'payload-missing': [
    409,
    'The manifest names a payload that is not stored',
    'PUT chunks and profile first, the manifest last.',
  ],
  'lease-lost': [
    409,
    'The job is no longer yours',
    'Drop it: it is finished, or another origin works on it.',
  ],
  'context-gone': [410, 'The context has expired or was deleted', 'Publish it again with POST /v1/contexts.'],
  'length-required': [411, 'Content-Length is missing', 'Send the size of the body.'],
  'precondition-failed': [
    412,
    'The stored object is not the one that If-Match names',
    'Fetch the object anew.',
  ],
  'too-large': [413, 'A limit is exceeded', 'Stay below the limit named in the detail.'],
  'stream-too-long': [
    422,
    'The context has more chunks than the edge plans for',
    'Plan in the client: openContext with deadlineMs, or fetch chunks by range.',
  ],
  'context-too-large': [
    413,
    'The context has too many tokens',
    'Publish at most as many tokens as the detail names, or split the context.',
  ],
  'unsupported-media-type': [415, 'Wrong content type', 'Send the content type named in the detail.'],
  'range-not-satisfiable': [416, 'The range lies outside the object', 'See Content-Range for the size.'],
  'invalid-content': [
    422,
    'The body does not say what the request claims',
    'The detail names the field and what was expected.',
  ],
  'invalid-chunk': [
    422,
    'The chunk object is not valid',
    'Encode the chunk again; see docs/format.md, section 9.',
  ],
  'invalid-profile': [
    422,
    'The profile file is not valid',
    'Write the profile again; see docs/format.md, section 4.',
  ],
  'unknown-level': [422, 'The chunk has no such level', 'Use a level named in the manifest.'],
  'budget-too-small': [422, 'Nothing fits the byte budget', 'Raise maxBytes, or fetch the text instead.'],
  'cut-too-large': [
    422,
    'The chunk is too large to be cut by layers here',
    'Fetch the whole chunk or a level of it, and cut it in the client.',
  ],
  'rate-limited': [
    429,
    'Too many requests of this tenant',
    'Send fewer; try again after the seconds in Retry-After.',
  ],
  'engine-failed': [500, 'The engine failed', 'Publish again; if it repeats, see the log of the origin.'],
  internal: [500, 'Internal error', 'Report it with the request id.'],
  'profile-missing': [
    501,
    'The origin has no profile for this model',
    'Make one with "npm run calibrate" and start the origin with "--profile FILE".',
  ],
  'origin-failed': [502, 'The origin answered with an error', 'See the detail and the log of the origin.'],
  'origin-lost': [
    502,
    'Every origin that took the job stopped before it was done',
    'See the logs of the origins, then publish again.',
  ],
  'registry-busy': [
    503,
    'The context or chunk is just being published or removed',
    'Try again after Retry-After.',
  ],
  'origin-unreachable': [
    503,
    'No origin took the job in time',
    'Start an origin for the model, then publish again; published contexts stay available.',
  ],
  'job-undeliverable': [
    503,
    'The queue gave the job up',
    'Publish again; if it repeats, see the logs of the Worker.',
  ],
  'jobs-unavailable': [
    503,
    'The state of the job cannot be read now',
    'Try again after Retry-After; published contexts stay available.',
  ],
  'cuts-busy': [
    503,
    'Too many cuts by layers at a time',
    'Try again after Retry-After, or fetch the whole chunk.',
  ],
  'store-unreachable': [
    503,
    'The object store cannot be reached',
    'Try again after Retry-After; what caches hold stays available.',
  ],
} as const satisfies Record<string, readonly [status: number, title: string, remedy: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** RFC 9457 problem details; `type` is `urn:kvedge:problem:<code>`. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    remedy: z.string(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** Thrown anywhere in a handler; the service answers with its problem document. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly status: number;
  /** Headers the answer carries, such as `Content-Range` or `Retry-After`. */
  readonly headers: Record<string, string>;

  constructor(
    code: ProblemCode,
    detail: string,
    headers: Record<string, string> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.code = code;
    this.status = PROBLEMS[code][0];
    this.headers = headers;
  }

  toResponse(requestId?: string): Response {
    const [status, title, remedy] = PROBLEMS[this.code];
    const body: Problem = {
      type: `urn:kvedge:problem:${this.code}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      remedy,
      ...(requestId === undefined ? {} : { requestId }),
    };
    return new Response(JSON.stringify(body), {
      status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...this.headers },
    });
  }
}
