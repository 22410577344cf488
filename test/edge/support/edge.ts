import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env as bindings } from 'cloudflare:workers';
import { expect } from 'vitest';
import { createEdge } from '../../../src/edge/app.ts';
import type { Env } from '../../../src/edge/env.ts';
import { Problem } from '../../../src/protocol/problems.ts';
import { mintToken, parseTokenKeys, type Scope } from '../../../src/protocol/token.ts';
import type { makeContext } from './objects.ts';

export const SECRET = JSON.stringify({ k1: btoa('k'.repeat(32)).replaceAll('=', '') });
export const TENANT_SECRET = btoa('s'.repeat(32)).replaceAll('=', '');
export const BINDINGS = { ...(bindings as unknown as Env), KVEDGE_TENANT_SECRET: TENANT_SECRET };
export const { BLOBS: BUCKET, REGISTRY } = BINDINGS;

const app = createEdge();

export interface EdgeInit extends RequestInit {
  /** Sends a token with this scope, or these. */
  scope?: Scope | Scope[] | undefined;
  /** Tenant of the token. Default `test`. */
  tenant?: string;
  env?: Partial<Env>;
}

/** One request to the Worker. Waits for its background work, unless told not to. */
export async function edge(path: string, init: EdgeInit = {}): Promise<Response> {
  const { scope, tenant, env, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (scope !== undefined) headers.set('authorization', `Bearer ${await tokenFor(scope, 60, tenant)}`);
  if (rest.body instanceof Uint8Array && !headers.has('content-length')) {
    headers.set('content-length', String(rest.body.byteLength));
  }
  const ctx = createExecutionContext();
  const response = await app.fetch(
    new Request(`https://edge.test${path}`, { ...rest, headers }),
    {
      ...BINDINGS,
      KVEDGE_TOKEN_KEYS: SECRET,
      TENANT_REQUESTS: undefined,
      TENANT_PUBLISHES: undefined,
      METRICS: undefined, // else background work lasts until the next flush
      ...env,
    } as Env,
    ctx,
  );
  const body = response.body === null ? null : await response.arrayBuffer();
  await waitOnExecutionContext(ctx);
  return new Response(body, response);
}

export function tokenFor(scope: Scope | Scope[], ttlSeconds = 60, tenant = 'test'): Promise<string> {
  return mintToken({ keys: parseTokenKeys(SECRET), tenant, scopes: [scope].flat(), ttlSeconds });
}

export function put(path: string, body: Uint8Array<ArrayBuffer>, init: EdgeInit = {}): Promise<Response> {
  return edge(path, { method: 'PUT', scope: 'compute', body, ...init });
}

export function sendJson(method: 'POST' | 'PUT', path: string, body: unknown, init: EdgeInit = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return edge(path, {
    method,
    scope: method === 'PUT' ? 'compute' : 'publish',
    body: new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>,
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
  });
}

type Context = Awaited<ReturnType<typeof makeContext>>;

export async function putPayloads(context: Context, headers: HeadersInit = {}): Promise<void> {
  await put(`/v1/profiles/${context.profileId}`, context.profile);
  for (const [i, object] of context.objects.entries()) {
    await put(`/v1/chunks/${context.ids[i]}`, object, { headers });
  }
}

export function putManifest(
  context: Context,
  manifest = context.manifest,
  headers: HeadersInit = {},
  env: Partial<Env> = {},
): Promise<Response> {
  const body = { manifest, chunks: context.chunks };
  return sendJson('PUT', `/v1/contexts/${context.id}`, body, { headers, env });
}

export async function publishContext(context: Context): Promise<void> {
  await putPayloads(context);
  expect((await putManifest(context)).status).toBe(201);
}

/** Asserts that a response is this problem, complete and uncacheable, and returns its detail. */
export async function expectProblem(response: Response, status: number, code: string): Promise<string> {
  const problem = Problem.parse(await response.json());
  expect({ status: response.status, code: problem.code }).toEqual({ status, code });
  expect(problem.status).toBe(status);
  expect(problem.remedy).not.toBe('');
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  return problem.detail;
}
