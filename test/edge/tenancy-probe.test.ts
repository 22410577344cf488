import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Env } from '../../src/edge/env.ts';
import { BINDINGS, BUCKET, type EdgeInit, edge } from './support/edge.ts';
import { unusedId } from './support/objects.ts';
import { publishPrivate } from './support/tenants.ts';

afterEach(() => vi.restoreAllMocks());

/**
 * Everything that a request makes the Worker do outside of its isolate, in order: storage, cache, jobs, limits. With the answer, that
 * is all a prober can see or time.
 */
async function traced(path: string, init: EdgeInit): Promise<{ steps: string[]; answer: unknown }> {
  const steps: string[] = [];
  const record =
    <T extends object>(name: string) =>
    (target: T): T =>
      new Proxy(target, {
        get(object, method) {
          const value = Reflect.get(object, method);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]) => {
            steps.push(`${name}.${String(method)} ${args.map(describeArgument).join(' ')}`);
            return value.apply(object, args);
          };
        },
      });
  vi.stubGlobal('caches', { default: record<Cache>('cache')(caches.default) });
  const limiter = { limit: async () => ({ success: true }) };
  const env: Partial<Env> = {
    BLOBS: record<R2Bucket>('r2')(BUCKET),
    TENANT_REQUESTS: record<RateLimit>('limit')(limiter),
    JOBS: {
      idFromName(name: string) {
        steps.push(`job ${name}`);
        return BINDINGS.JOBS.idFromName(name);
      },
      get: (id: DurableObjectId) => BINDINGS.JOBS.get(id),
    } as Env['JOBS'],
  };
  try {
    const response = await edge(path, { ...init, env, headers: { 'x-request-id': 'probe' } });
    const answer = [
      response.status,
      [...response.headers].filter(([name]) => name !== 'date'),
      await response.text(),
    ];
    return { steps, answer };
  } finally {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  }
}

function describeArgument(argument: unknown): string {
  if (argument instanceof Request) return `${argument.url} ${headers(argument)}`;
  return typeof argument === 'string' ? argument : JSON.stringify(argument);
}

const headers = (request: Request) => JSON.stringify([...request.headers].sort());

describe('another tenant cannot tell a private id from one that never existed', () => {
  const probers: [string, EdgeInit][] = [
    ['another tenant', { scope: 'read', tenant: 'bob' }],
    ['nobody in particular', {}],
    ['another tenant that publishes', { scope: 'publish', tenant: 'bob' }],
    ['another operator', { scope: 'admin', tenant: 'bob' }],
  ];
  const forms: [string, 'context' | 'chunk', (id: string) => string][] = [
    ['the manifest', 'context', (id) => `/v1/contexts/${id}`],
    ['the events', 'context', (id) => `/v1/contexts/${id}/events`],
    ['the tokens', 'context', (id) => `/v1/contexts/${id}/tokens?from=0&to=1`],
    ['a chunk', 'chunk', (id) => `/v1/chunks/${id}`],
    ['a level', 'chunk', (id) => `/v1/chunks/${id}?level=draft`],
    ['a byte budget', 'chunk', (id) => `/v1/chunks/${id}?maxBytes=5000`],
    ['layers', 'chunk', (id) => `/v1/chunks/${id}?layers=0-1`],
  ];
  const cases = forms.flatMap(([form, kind, path]) =>
    probers.flatMap(([who, init]) =>
      (['GET', 'HEAD'] as const).map((method) => [form, who, method, kind, path, init] as const),
    ),
  );

  it.each(cases)('by %s, %s, %s', async (_form, _who, method, kind, path, init) => {
    const context = await publishPrivate('ann');
    const owner = { scope: 'read', tenant: 'ann' } as const;
    const existing = kind === 'context' ? context.id : context.ids[0]!;
    // In every tier, and in what the isolate remembers.
    for (let i = 0; i < 2; i++) expect((await edge(path(existing), owner)).status).toBe(200);

    const absent = unusedId();
    const compare = async (id: string) => {
      const text = JSON.stringify(await traced(path(id), { ...init, method }));
      return text.replaceAll(id, '<id>');
    };
    // Twice: what the first probe leaves behind must not tell the second.
    for (let i = 0; i < 2; i++) {
      const hit = await compare(existing);
      expect(hit).toBe(await compare(absent));
      expect(hit).toContain('404');
      expect(hit).toContain('r2.head');
      expect(hit).not.toContain('tenants/ann');
      expect(hit).not.toContain('job ann/');
    }
  });

  it('but a trace does tell what its own tenant has, so it can see a difference', async () => {
    const context = await publishPrivate('ann');
    const owner = { scope: 'read', tenant: 'ann' } as const;
    const own = await traced(`/v1/chunks/${context.ids[0]}`, owner);
    const absent = await traced(`/v1/chunks/${unusedId()}`, owner);
    expect(own.steps.length).toBeGreaterThan(absent.steps.length);
  });
});
