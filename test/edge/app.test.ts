import { exports } from 'cloudflare:workers';
import { describe, expect, it, vi } from 'vitest';
import apiDocument from '../../docs/api.md?raw';
import committed from '../../docs/openapi.json?raw';
import { PROBLEMS } from '../../src/protocol/problems.ts';
import { BUCKET, edge, expectProblem, put, sendJson } from './support/edge.ts';
import { makeChunk, unusedId } from './support/objects.ts';

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, { responses: Record<string, unknown>; security?: unknown }>>;
  components: { schemas: Record<string, unknown> };
}
const openapi = async () => (await (await edge('/openapi.json')).json()) as OpenApi;

describe('the API as a whole', () => {
  it('runs as the Worker of wrangler.toml', async () => {
    const response = await (exports as unknown as { default: Fetcher }).default.fetch(
      'https://edge.test/healthz',
    );
    expect(response.status).toBe(200);
  });

  it('is well', async () => {
    expect(await (await edge('/healthz')).json()).toEqual({ status: 'ok', apiVersion: 1 });
  });

  it('answers an unknown route with 404 and a wrong method with 405 and Allow', async () => {
    for (const path of [
      '/v1',
      '/v1/nothing',
      '/v1/chunks',
      '/v1/chunks/',
      '/v1/chunks/a/b',
      '/v2/chunks/a',
    ]) {
      await expectProblem(await edge(path), 404, 'route-not-found');
    }
    const id = unusedId();
    for (const [method, path, allow] of [
      ['DELETE', '/v1/contexts', 'GET, HEAD, OPTIONS, POST'],
      ['GET', '/v1/purge', 'OPTIONS, POST'],
      ['POST', `/v1/contexts/${id}`, 'DELETE, GET, HEAD, OPTIONS, PUT'],
      ['DELETE', `/v1/chunks/${id}`, 'GET, HEAD, OPTIONS, PUT'],
      ['PUT', `/v1/contexts/${id}/tokens`, 'GET, HEAD, OPTIONS'],
      ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const response = await edge(path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      await expectProblem(response, 405, 'method-not-allowed');
    }
  });

  it('gives every response a request id and a Cache-Control', async () => {
    for (const path of ['/healthz', '/openapi.json', '/nothing', `/v1/chunks/x`]) {
      const response = await edge(path);
      expect(response.headers.get('cache-control')).not.toBeNull();
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    const named = await edge('/healthz', { headers: { 'x-request-id': 'my-id_1.2' } });
    expect(named.headers.get('x-request-id')).toBe('my-id_1.2');
    const forged = await edge('/healthz', { headers: { 'x-request-id': 'a b<script>' } });
    expect(forged.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('lets browsers of any site read, and caches the preflight', async () => {
    const preflight = await edge(`/v1/chunks/${unusedId()}`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.test',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'range',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-max-age')).toBe('86400');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('range');
    const response = await edge(`/v1/chunks/${unusedId()}`, { headers: { origin: 'https://app.test' } });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    for (const name of ['etag', 'content-range', 'repr-digest', 'cache-status']) {
      expect(response.headers.get('access-control-expose-headers')).toContain(name);
    }
  });

  it('hides what went wrong inside, and logs no body', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    const id = unusedId();
    const broken = new Proxy(BUCKET, { get: () => () => Promise.reject(new Error('SECRET')) });
    const response = await put(`/v1/chunks/${id}`, makeChunk({ id }), { env: { BLOBS: broken } });
    expect(await expectProblem(response, 500, 'internal')).toBe('unexpected Error');
    expect(log).toHaveBeenCalledOnce();
    expect(JSON.stringify(log.mock.calls)).not.toContain('SECRET');
    log.mockRestore();
  });

  it('logs neither text nor tokens', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
    await sendJson('POST', '/v1/contexts', { model: 'm', text: 'SECRET' });
    await sendJson('POST', '/v1/contexts', { model: 'm', text: 'SECRET', tokens: [424242] });
    for (const spy of spies) expect(JSON.stringify(spy.mock.calls)).not.toMatch(/SECRET|424242/);
    vi.restoreAllMocks();
  });
});

describe('/openapi.json', () => {
  it('is the committed docs/openapi.json; "npm run openapi" writes it', async () => {
    expect(await openapi()).toEqual(JSON.parse(committed));
  });

  it('describes every route, made from the same schemas', async () => {
    const document = await openapi();
    expect(document.openapi).toBe('3.1.0');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual([
      'DELETE /v1/contexts/{id}',
      'GET /healthz',
      'GET /metrics',
      'GET /v1/chunks/{id}',
      'GET /v1/chunks/{id}/levels',
      'GET /v1/contexts',
      'GET /v1/contexts/{id}',
      'GET /v1/contexts/{id}/events',
      'GET /v1/contexts/{id}/stream',
      'GET /v1/contexts/{id}/tokens',
      'GET /v1/models',
      'GET /v1/profiles/{id}',
      'POST /v1/contexts',
      'POST /v1/jobs/lease',
      'POST /v1/jobs/{id}/release',
      'POST /v1/jobs/{id}/report',
      'POST /v1/lookup',
      'POST /v1/purge',
      'PUT /v1/chunks/{id}',
      'PUT /v1/contexts/{id}',
      'PUT /v1/profiles/{id}',
    ]);
    for (const name of [
      'Manifest',
      'PublishRequest',
      'ContextList',
      'MetricsReport',
      'JobStatus',
      'ContextTokens',
      'Problem',
      'StoredChunk',
    ]) {
      expect(Object.keys(document.components.schemas)).toContain(name);
    }
  });

  it('asks for a token exactly where one is needed', async () => {
    for (const [path, methods] of Object.entries((await openapi()).paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        if (path === '/healthz') continue;
        const security = operation.security as object[];
        expect(security.some((one) => Object.keys(one).length === 0)).toBe(
          (method === 'get' && path !== '/metrics') || path === '/v1/lookup',
        );
        expect('401' in operation.responses).toBe(true);
      }
    }
  });
});

describe('docs/api.md', () => {
  it('has an entry for every problem, with its status', () => {
    for (const [code, [status]] of Object.entries(PROBLEMS)) {
      expect(apiDocument, code).toMatch(new RegExp(`^\\| \`${code}\` +\\| ${status} `, 'm'));
    }
  });

  it('shows every route', async () => {
    for (const [path, methods] of Object.entries((await openapi()).paths)) {
      for (const method of Object.keys(methods)) {
        expect(apiDocument).toContain(`## ${method.toUpperCase()} ${path}`);
      }
    }
  });
});
