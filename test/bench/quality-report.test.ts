import { describe, expect, it } from 'vitest';
import { replaceSection } from '../../bench/quality/docs.ts';
import { compareGenerations } from '../../bench/quality/generation.ts';
import { type DocumentResult, predictedRho, prefixReport, worstDomain } from '../../bench/quality/report.ts';
import { retrievalCases } from '../../bench/quality/retrieval.ts';

type Levels = Record<string, { bits: number; kld: number; predicted: number }>;

function result(
  name: string,
  domain: DocumentResult['domain'],
  set: 'main' | 'far',
  levels: Levels,
): DocumentResult {
  const points = Object.entries(levels).map(([point, { bits, kld, predicted }]) => ({
    curve: 'ladder',
    point,
    level: true,
    bytes: 0,
    bitsPerValue: bits,
    predictedKld: predicted,
    kld,
    kld99: kld,
    dnll: kld,
    top1: 1,
    positions: 10,
  }));
  return { name, domain, set, source: 's', prefixTokens: 1024, points };
}

const level = (bits: number, kld: number, predicted = kld) => ({ bits, kld, predicted });
const RESULTS = [
  result('a', 'novel', 'main', { draft: level(0.2, 0.04), standard: level(0.4, 0.01) }),
  result('b', 'code', 'main', { draft: level(0.4, 0.06), standard: level(0.8, 0.03) }),
  result('c', 'random', 'far', { draft: level(1, 0.5, 0.05), standard: level(2, 0.08, 0.005) }),
];

describe('the quality report', () => {
  it('averages the main documents alone into curves', () => {
    const { documents, curves, atKld } = prefixReport(RESULTS, 1024);
    expect(documents).toBe(2);
    const points = curves.ladder!.map(({ point, bitsPerValue, kld }) => [point, bitsPerValue, kld]);
    expect(points).toEqual([
      ['draft', expect.closeTo(0.3, 12), expect.closeTo(0.05, 12)],
      ['standard', expect.closeTo(0.6, 12), expect.closeTo(0.02, 12)],
    ]);
    expect(curves.ladder![0]!.worst).toEqual({ document: 'b', kld: 0.06 });
    const share = Math.log(0.034 / 0.05) / Math.log(0.02 / 0.05);
    expect(atKld['0.034']).toBeCloseTo(0.3 * 2 ** share, 12);
    expect(atKld['0.001']).toBeNull();
  });

  it('finds the worst domain over the mean of the main documents', () => {
    expect(worstDomain(RESULTS, 1024)).toMatchObject({
      meanKld: expect.closeTo(0.02, 12),
      domain: 'random',
      ratio: expect.closeTo(4, 12),
      document: 'c',
      kldByFarDocument: { c: 0.08 },
    });
  });

  it('correlates predictions with measurements by level and over all', () => {
    const rho = predictedRho(RESULTS, 1024)!;
    // Predicted .04 .06 .05 against measured .04 .06 .5.
    expect(rho.levels.draft).toBeCloseTo(0.5, 12);
    expect(rho.levels.standard).toBeCloseTo(-0.5, 12);
    expect(rho.pooled).toBeGreaterThan(0);
  });
});

describe('compareGenerations', () => {
  it('counts equal tokens by position and the first that differs', () => {
    const reference = Uint32Array.of(1, 2, 3, 4);
    const compared = compareGenerations([
      [reference, Uint32Array.of(1, 2, 3, 4)],
      [reference, Uint32Array.of(1, 9, 3, 9)],
    ]);
    expect(compared).toEqual({ equalTokens: 0.75, firstDivergence: 2.5, identical: 0.5 });
  });
});

describe('retrievalCases', () => {
  const cases = retrievalCases(['lorem ipsum '.repeat(1000)]);

  it('holds every answer in its context, once for pairs, and asks for it', () => {
    for (const { task, context, answer, question } of cases) {
      const times = context.split(answer).length - 1;
      expect(times).toBe(task === 'pairs' ? 1 : 2);
      expect(question).not.toContain(answer);
    }
  });

  it('puts facts at every depth', () => {
    const places = cases.filter(({ task, size }) => task === 'passkey' && size === 1024);
    for (const { context, answer, depth } of places) {
      expect(context.indexOf(answer) / context.length).toBeCloseTo(depth, 1);
    }
  });
});

describe('replaceSection', () => {
  it('replaces what is between the markers and refuses a text without them', () => {
    const [start, end] = [
      '<!-- results: written by `npm run -s bench -- quality --write-docs` -->',
      '<!-- end of results -->',
    ];
    expect(replaceSection(`a\n${start}\nold\n${end}\nb`, 'new')).toBe(`a\n${start}\n\nnew\n\n${end}\nb`);
    expect(() => replaceSection('a', 'new')).toThrow('no section');
  });
});
