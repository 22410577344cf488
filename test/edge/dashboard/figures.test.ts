import { describe, expect, it } from 'vitest';
import { formatBytes, formatKld } from '../../../src/edge/dashboard/format.ts';
import { doneShare, jobAfter, jobBefore } from '../../../src/edge/dashboard/job-state.ts';
import { summarizeLevels } from '../../../src/edge/dashboard/level-summary.ts';
import { selectedContext } from '../../../src/edge/dashboard/selection.ts';
import { trafficFigures } from '../../../src/edge/dashboard/traffic-figures.ts';
import type { MetricFamily } from '../../../src/protocol/prometheus.ts';
import { makeContext } from '../support/objects.ts';

describe('summarizeLevels', () => {
  it('adds bytes and weighs the predicted damage by tokens', async () => {
    const { manifest } = await makeContext({ chunkCount: 2, lastTokens: 64 });
    manifest.chunks[1]!.levels[0]!.predictedKld = 0.5;
    const [draft] = summarizeLevels(manifest);
    const bytes = manifest.chunks[0]!.levels[0]!.bytes + manifest.chunks[1]!.levels[0]!.bytes;
    expect(draft!.bytes).toBe(bytes);
    expect(draft!.predictedKld).toBeCloseTo((256 * 0.06 + 64 * 0.5) / 320, 6);
    expect(draft!.bitsPerValue).toBeCloseTo((8 * bytes) / (320 * 4 * 8), 9);
  });

  it('leaves out a level that some chunk lacks', async () => {
    const { manifest } = await makeContext();
    manifest.chunks[1]!.levels.splice(1, 1);
    expect(summarizeLevels(manifest).map(({ name }) => name)).toEqual(['draft', 'high', 'near-lossless']);
  });
});

describe('jobAfter', () => {
  it('goes from nothing to done and never back', () => {
    let job = jobBefore({
      id: '',
      state: 'queued',
      model: 'm',
      contextId: null,
      tokenCount: 512,
      chunksDone: 0,
      chunksTotal: 2,
    });
    const shares = [doneShare(job)];
    for (const event of [
      { type: 'tokenized', id: '', tokenCount: 512, chunksTotal: 2 },
      { type: 'prefilled', tokensDone: 512, tokenCount: 512 },
      { type: 'chunk', chunksDone: 1, chunksTotal: 2 },
      { type: 'prefilled', tokensDone: 100, tokenCount: 512 }, // the origin was restarted
      { type: 'chunk', chunksDone: 2, chunksTotal: 2 },
      { type: 'published', id: '' },
    ] as const) {
      job = jobAfter(job, event);
      shares.push(doneShare(job));
    }
    expect(shares).toEqual([0, 0, 0.5, 0.75, 0.75, 1, 1]);
    expect(job.ended).toBe(true);
  });

  it('counts chunks that another context brought, and still shows the prefill', () => {
    const status = { id: '', model: 'm', contextId: null, tokenCount: 1024, chunksDone: 2, chunksTotal: 4 };
    const begun = jobBefore({ ...status, state: 'running' });
    expect(doneShare(begun)).toBe(0.25);
    const after = jobAfter(begun, { type: 'prefilled', tokensDone: 512, tokenCount: 1024 });
    expect(doneShare(after)).toBe(0.5);
  });
});

describe('trafficFigures', () => {
  const counter = (name: string, ...samples: [Record<string, string>, number][]): MetricFamily => ({
    name,
    type: 'counter',
    help: '',
    samples: samples.map(([labels, value]) => ({ labels, value })),
  });

  it('gives the hit ratio over all routes and reasons', () => {
    const figures = trafficFigures({
      since: '',
      families: [
        counter(
          'kvedge_cache_requests_total',
          [{ route: 'a', tier: 'cache', result: 'hit' }, 6],
          [{ route: 'b', tier: 'memory', result: 'hit' }, 3],
          [{ route: 'a', tier: 'store', result: 'uri-miss' }, 2],
          [{ route: 'a', tier: 'store', result: 'stale' }, 1],
        ),
        counter(
          'kvedge_cache_fills_total',
          [{ route: 'a', reason: 'uri-miss' }, 2],
          [{ route: 'b', reason: 'uri-miss' }, 1],
          [{ route: 'a', reason: 'stale' }, 1],
        ),
      ],
    });
    expect(figures.hitRatio).toBe(0.75);
    expect(figures.cacheResults[0]).toEqual({ name: 'hit', value: 9 });
    expect(figures.tiers.map(({ name, value }) => [name, value])).toEqual([
      ['cache', 6],
      ['memory', 3],
      ['store', 3],
    ]);
    expect(figures.fills).toBe(4);
    expect(figures.fillReasons[0]).toEqual({ name: 'uri-miss', value: 3 });
  });

  it('gives no ratio before the first request', () => {
    expect(trafficFigures({ since: '', families: [] }).hitRatio).toBeNull();
  });
});

describe('formats', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [284_113, '284 kB'],
    [999_600, '1 MB'],
    [1_234_567, '1.23 MB'],
  ])('%d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0, '0'],
    [0.0512, '0.051'],
    [0.00093, '9.3e-4'],
  ])('a KLD of %d as %s', (kld, text) => expect(formatKld(kld)).toBe(text));
});

describe('selectedContext', () => {
  it('takes an id and nothing else', () => {
    const id = 'a1'.repeat(32);
    expect(selectedContext(`#context=${id}`)).toBe(id);
    for (const other of [
      '',
      '#context',
      `#context=${id}0`,
      `#context=${id.toUpperCase()}`,
      '#context=../x',
    ]) {
      expect(selectedContext(other)).toBeNull();
    }
  });
});
