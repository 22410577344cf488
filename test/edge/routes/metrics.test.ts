import { env as bindings } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { Env } from '../../../src/edge/env.ts';
import { MetricsReport } from '../../../src/protocol/api.ts';
import { edge, expectProblem, publishContext, put, sendJson, tokenFor } from '../support/edge.ts';
import { lease, report as reportJob, servedModel, submit } from '../support/jobs.ts';
import { levelsOf, makeChunk, makeContext, unusedId } from '../support/objects.ts';

const METRICS_TOKEN = 'scraper-secret-of-the-tests';
/** Flushes at once, so that the background work a test waits for includes the flush. */
const env = { METRICS: (bindings as unknown as Env).METRICS!, METRICS_FLUSH_MS: '0', METRICS_TOKEN };

async function report(): Promise<MetricsReport> {
  const response = await edge('/metrics', { env, scope: 'admin', headers: { accept: 'application/json' } });
  expect(response.status).toBe(200);
  return MetricsReport.parse(await response.json());
}

function sum(
  { families }: MetricsReport,
  name: string,
  labels: Record<string, string>,
  suffix?: string,
): number {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return samples
    .filter((sample) => sample.suffix === suffix)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((total, sample) => total + sample.value, 0);
}

/** By how much each named counter grows while `work` runs. */
async function growth(
  work: () => Promise<unknown>,
  ...series: [name: string, labels: Record<string, string>, suffix?: string][]
): Promise<number[]> {
  const before = await report();
  await work();
  const after = await report();
  return series.map((one) => sum(after, ...one) - sum(before, ...one));
}

describe('GET /metrics', () => {
  it('opens with scope admin or the scraper token, and with nothing else', async () => {
    const asked = (authorization?: string) =>
      edge('/metrics', { env, headers: authorization === undefined ? {} : { authorization } });
    await expectProblem(await asked(), 401, 'unauthorized');
    await expectProblem(await asked('Bearer wrong'), 401, 'unauthorized');
    await expectProblem(await asked(`Bearer ${METRICS_TOKEN}x`), 401, 'unauthorized');
    await expectProblem(await asked(`Bearer ${await tokenFor('publish')}`), 403, 'forbidden');
    expect((await asked(`Bearer ${METRICS_TOKEN}`)).status).toBe(200);
    expect((await asked(`Bearer ${await tokenFor('admin')}`)).status).toBe(200);
    const unset = { ...env, METRICS_TOKEN: undefined as never };
    await expectProblem(
      await edge('/metrics', { env: unset, headers: { authorization: 'Bearer undefined' } }),
      401,
      'unauthorized',
    );
  });

  it('is Prometheus text, every line of it', async () => {
    await edge(`/v1/chunks/${unusedId()}`, { env });
    const response = await edge('/metrics', { env, scope: 'admin' });
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const lines = (await response.text()).trimEnd().split('\n');
    for (const line of lines) {
      expect(line).toMatch(
        /^(# HELP \w+ .+|# TYPE \w+ (counter|gauge|histogram)|\w+(\{\w+="[^"\n]*"(,\w+="[^"\n]*")*\})? [\d.e+-]+)$/,
      );
    }
    expect(lines).toContain('# TYPE kvedge_requests_total counter');
  });

  it('counts requests by route pattern and status class, never by path', async () => {
    const id = unusedId();
    const [missing, unmatched] = await growth(
      async () => {
        await edge(`/v1/chunks/${id}`, { env });
        await edge(`/v1/chunks/${id}?level=draft`, { env });
        await edge(`/v1/${id}`, { env });
      },
      ['kvedge_requests_total', { method: 'GET', route: '/v1/chunks/{id}', status: '4xx' }],
      ['kvedge_requests_total', { method: 'GET', route: '(none)', status: '4xx' }],
    );
    expect([missing, unmatched]).toEqual([2, 1]);
    expect(JSON.stringify(await report())).not.toContain(id);
  });

  it('counts bytes by level, hits, misses and fills', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    await put(`/v1/chunks/${id}`, object);
    const [draft] = await levelsOf(object);
    const route = '/v1/chunks/{id}';
    const grown = await growth(
      async () => {
        await edge(`/v1/chunks/${id}?level=draft`, { env });
        await edge(`/v1/chunks/${id}?level=draft`, { env });
        await edge(`/v1/chunks/${id}`, { env, method: 'HEAD' });
        await edge(`/v1/chunks/${id}`, { env, headers: { range: 'bytes=0-9' } });
        await edge(`/v1/chunks/${id}?level=nothing-such`, { env });
      },
      ['kvedge_chunk_bytes_total', { level: 'draft' }],
      ['kvedge_chunk_bytes_total', { level: '(whole)' }],
      ['kvedge_chunk_bytes_total', { level: 'nothing-such' }],
      ['kvedge_cache_requests_total', { route, result: 'uri-miss', tier: 'store' }],
      ['kvedge_cache_requests_total', { route, result: 'hit', tier: 'cache' }],
      ['kvedge_cache_requests_total', { route, result: 'hit', tier: 'memory' }],
      ['kvedge_cache_fills_total', { route, reason: 'uri-miss' }],
    );
    expect(grown).toEqual([2 * draft!.bytes, 10, 0, 1, 2, 1, 1]);
  });

  it('counts what origins send, and why it was refused', async () => {
    const id = unusedId();
    const object = makeChunk({ id });
    const grown = await growth(
      async () => {
        await put(`/v1/chunks/${id}`, object, { env });
        await put(`/v1/chunks/${id}`, object, { env });
        await put(`/v1/chunks/${id}`, object.slice(0, 50), { env });
      },
      ['kvedge_ingest_total', { kind: 'chunk', result: 'stored' }],
      ['kvedge_ingest_total', { kind: 'chunk', result: 'known' }],
      ['kvedge_ingest_total', { kind: 'chunk', result: 'invalid-chunk' }],
      ['kvedge_problems_total', { code: 'invalid-chunk' }],
    );
    expect(grown).toEqual([1, 1, 1, 1]);
  });

  it('counts a publication', async () => {
    const context = await makeContext();
    await publishContext(context);
    const again = await makeContext();
    const [published] = await growth(async () => {
      for (const [i, object] of again.objects.entries()) await put(`/v1/chunks/${again.ids[i]}`, object);
      await sendJson(
        'PUT',
        `/v1/contexts/${again.id}`,
        { manifest: again.manifest, chunks: again.chunks },
        { env },
      );
    }, ['kvedge_jobs_total', { event: 'published' }]);
    expect(published).toBe(1);
  });

  it('counts a job that failed, but no attempt that is made again', async () => {
    const model = await servedModel();
    await submit({ model, text: 'x' });
    const failures = async () => sum(await report(), 'kvedge_jobs_total', { event: 'failed' });
    const before = await failures();
    await reportJob((await lease([model]))!, { type: 'failed', code: 'engine-failed', detail: 'once' });
    const again = (await lease([model], 10))!;
    await reportJob(again, { type: 'failed', code: 'profile-missing', detail: 'none' });
    // The job's object flushes when the Worker does by default.
    await expect.poll(failures, { timeout: 20_000 }).toBe(before + 1);
  });

  it('has cumulative buckets that end with the count', async () => {
    await edge('/healthz', { env });
    const labels = { route: '/healthz' };
    const now = await report();
    const buckets = now.families
      .find(({ name }) => name === 'kvedge_request_duration_seconds')!
      .samples.filter(({ suffix, labels: l }) => suffix === '_bucket' && l.route === '/healthz');
    expect(buckets.at(-1)!.labels.le).toBe('+Inf');
    expect(buckets.map(({ value }) => value)).toEqual(
      buckets.map(({ value }) => value).sort((a, b) => a - b),
    );
    expect(buckets.at(-1)!.value).toBe(sum(now, 'kvedge_request_duration_seconds', labels, '_count'));
  });

  it('loses nothing of many requests at a time', async () => {
    const [requests] = await growth(
      () => Promise.all(Array.from({ length: 60 }, () => edge('/healthz', { env }))),
      ['kvedge_requests_total', { route: '/healthz' }],
    );
    expect(requests).toBe(60);
  });

  it('keeps counts for later when the hub cannot be reached', async () => {
    const broken = {
      ...env,
      METRICS: {
        idFromName: () => 'id',
        get: () => ({ add: () => Promise.reject(new Error('away')) }),
      } as never,
    };
    const [requests] = await growth(async () => {
      await edge('/openapi.json', { env: broken });
      await edge('/openapi.json', { env });
    }, ['kvedge_requests_total', { route: '/openapi.json' }]);
    expect(requests).toBe(2);
  });

  it('answers requests without the binding, and counts nothing', async () => {
    expect((await edge('/healthz')).status).toBe(200);
    await expectProblem(await edge('/metrics', { scope: 'admin' }), 500, 'internal');
  });
});
