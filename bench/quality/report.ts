import { bitsAtKld, type Ratio, ratioAtEqualKld } from './curve.ts';
import { type Damage, pool } from './damage.ts';
import type { GenerationReport } from './generation.ts';
import { spearman } from './rank-correlation.ts';
import type { RetrievalReport } from './retrieval.ts';
import type { Subject } from './subjects.ts';

/** Damages at which rates are compared, nats per token. */
export const KLDS = ['0.001', '0.010', '0.034'] as const;
/** The level whose spread over documents is reported. */
const SPREAD_LEVEL = 'standard';

/** Rate and damage of one codec at one setting on one document. */
export interface Point extends Damage {
  curve: string;
  point: string;
  level?: boolean;
  bytes: number;
  bitsPerValue: number;
  predictedKld?: number;
  overhead?: number;
  embeddingCost?: number;
}

export interface DocumentResult {
  name: string;
  domain: Subject['domain'];
  source: string;
  set: Subject['set'];
  prefixTokens: number;
  points: Point[];
}

/** Means over documents. */
export interface CurvePoint {
  point: string;
  level?: boolean;
  bitsPerValue: number;
  kld: number;
  kld99: number;
  dnll: number;
  top1: number;
  overhead?: number;
  embeddingCost?: number;
  worst: { document: string; kld: number };
}

/** Curves at one length of the prefix. */
export interface PrefixReport {
  documents: number;
  curves: Record<string, CurvePoint[]>;
  /** Bits per value of codec 1 at equal damage; null outside of its curve. */
  atKld: Record<string, number | null>;
  /** The same of every curve. */
  atKldByCurve: Record<string, Record<string, number | null>>;
  /** Bits of a baseline over bits of codec 1 at equal damage. */
  ratioVs: Record<string, Ratio>;
}

export interface WorstDomain {
  level: string;
  meanKld: number;
  /** The worst of all domains, those far from calibration included. */
  domain: string;
  kld: number;
  /** Over the mean of the main documents. */
  ratio: number;
  document: string;
  documentKld: number;
  kldByDomain: Record<string, number>;
  kldByFarDocument: Record<string, number>;
}

export interface ModelReport extends PrefixReport {
  profileBytes: number | null;
  modelBytes: number;
  /** Prefix of the figures at this level of the object; `prefixes` has those of the others. */
  prefixTokens: number;
  prefixes: Record<string, PrefixReport>;
  retrieval: RetrievalReport | null;
  generation: GenerationReport | null;
  worstDomain: WorstDomain | null;
  /** Rank correlation of predicted with measured KLD over documents: at each level, and over all pairs of level and document. */
  predictedRho: { pooled: number; levels: Record<string, number> } | null;
  perDocument: DocumentResult[];
}

/** What a baseline is called in `ratioVs`, and its curve. */
const BASELINES = { lmcache: 'lmcache', cachegen: 'paper-cachegen', kvtc: 'kvtc', integer: 'integer' };

export function prefixReport(results: readonly DocumentResult[], prefixTokens: number): PrefixReport {
  const main = results.filter((result) => result.set === 'main' && result.prefixTokens === prefixTokens);
  const labels = new Map<string, Set<string>>();
  for (const { curve, point } of main.flatMap(({ points }) => points)) {
    labels.set(curve, (labels.get(curve) ?? new Set()).add(point));
  }
  const curves = Object.fromEntries(
    [...labels].map(([curve, points]) => [
      curve,
      [...points]
        .map((point) => summarize(curve, point, main))
        .sort((a, b) => a.bitsPerValue - b.bitsPerValue),
    ]),
  );
  const bits = (points: readonly CurvePoint[]) =>
    Object.fromEntries(KLDS.map((kld) => [kld, bitsAtKld(points, Number(kld))]));
  const ladder = curves.ladder ?? [];
  return {
    documents: main.length,
    curves,
    atKld: bits(ladder),
    atKldByCurve: Object.fromEntries(Object.entries(curves).map(([curve, points]) => [curve, bits(points)])),
    ratioVs: Object.fromEntries(
      Object.entries(BASELINES)
        .filter(([, curve]) => curves[curve] !== undefined)
        .map(([name, curve]) => [name, ratioAtEqualKld(ladder, curves[curve]!, KLDS)]),
    ),
  };
}

function summarize(curve: string, label: string, results: readonly DocumentResult[]): CurvePoint {
  const own = results.flatMap(({ name, points }) => {
    const point = points.find((candidate) => candidate.curve === curve && candidate.point === label);
    return point === undefined ? [] : [{ document: name, point }];
  });
  const mean = (pick: (point: Point) => number) =>
    own.reduce((sum, { point }) => sum + pick(point), 0) / own.length;
  const { kld, kld99, dnll, top1 } = pool(own.map(({ point }) => point));
  const worst = own.reduce((a, b) => (b.point.kld > a.point.kld ? b : a));
  const first = own[0]!.point;
  return {
    point: label,
    ...(first.level ? { level: true } : {}),
    bitsPerValue: mean((point) => point.bitsPerValue),
    kld,
    kld99,
    dnll,
    top1,
    ...(first.overhead === undefined ? {} : { overhead: mean((point) => point.overhead ?? 0) }),
    ...(first.embeddingCost === undefined
      ? {}
      : { embeddingCost: mean((point) => point.embeddingCost ?? 0) }),
    worst: { document: worst.document, kld: worst.point.kld },
  };
}

/** Of the ladder's levels at one prefix, every document. */
function levelPoints(results: readonly DocumentResult[], prefixTokens: number) {
  return results
    .filter((result) => result.prefixTokens === prefixTokens)
    .flatMap((document) =>
      document.points
        .filter(({ curve, level }) => curve === 'ladder' && level)
        .map((point) => ({ document, point })),
    );
}

export function worstDomain(results: readonly DocumentResult[], prefixTokens: number): WorstDomain | null {
  const own = levelPoints(results, prefixTokens).filter(({ point }) => point.point === SPREAD_LEVEL);
  const main = own.filter(({ document }) => document.set === 'main');
  if (main.length === 0) return null;
  const mean = (items: typeof own) => items.reduce((sum, { point }) => sum + point.kld, 0) / items.length;
  const domains = [...new Set(own.map(({ document }) => document.domain))];
  const kldByDomain = Object.fromEntries(
    domains.map((domain) => [domain, mean(own.filter(({ document }) => document.domain === domain))]),
  );
  const meanKld = mean(main);
  const [domain, kld] = Object.entries(kldByDomain).reduce((a, b) => (b[1] > a[1] ? b : a));
  const worst = own.reduce((a, b) => (b.point.kld > a.point.kld ? b : a));
  return {
    level: SPREAD_LEVEL,
    meanKld,
    domain,
    kld,
    ratio: kld / meanKld,
    document: worst.document.name,
    documentKld: worst.point.kld,
    kldByDomain,
    kldByFarDocument: Object.fromEntries(
      own
        .filter(({ document }) => document.set === 'far')
        .map(({ document, point }) => [document.name, point.kld]),
    ),
  };
}

export function predictedRho(results: readonly DocumentResult[], prefixTokens: number) {
  const own = levelPoints(results, prefixTokens);
  if (own.length < 2) return null;
  const rho = (items: typeof own) =>
    spearman(
      items.map(({ point }) => point.predictedKld ?? 0),
      items.map(({ point }) => point.kld),
    );
  const levels = [...new Set(own.map(({ point }) => point.point))];
  return {
    pooled: rho(own),
    levels: Object.fromEntries(
      levels.map((level) => [level, rho(own.filter(({ point }) => point.point === level))]),
    ),
  };
}
