import type { QualityReport } from './main.ts';
import { type CurvePoint, KLDS, type ModelReport, type PrefixReport } from './report.ts';

/** What the curves are called in tables and plots, in their order. */
export const CURVES: Record<string, string> = {
  ladder: 'ladder (codec 1)',
  cachegen: 'cachegen (codec 2)',
  kvtc: 'KVTC-like',
  'paper-cachegen': "the paper's CacheGen",
  lmcache: "LMCache's CacheGen",
  integer: 'integers, group 32',
};

/** The report as Markdown. */
export function printQuality(report: QualityReport): string {
  return Object.entries(report.models)
    .map(([name, model]) => printModel(name, model, report))
    .join('\n\n');
}

function printModel(name: string, model: ModelReport, { scoredTokens, everyTokens, backend }: QualityReport) {
  const profile =
    model.profileBytes === null
      ? 'no profile'
      : `profile ${(model.profileBytes / 1e6).toFixed(1)} MB, ${percent(model.profileBytes / model.modelBytes)} of the model file`;
  const parts = [
    `### ${name}`,
    '',
    `${profile}; ${scoredTokens} tokens scored after the prefix, every ${everyTokens === 1 ? '' : `${everyTokens}th `}one compared; ${backend} codec.`,
    '',
    ...levelTable(model),
    '',
    ...prefixTables(model.prefixTokens, model),
  ];
  for (const [prefix, other] of Object.entries(model.prefixes)) {
    parts.push('', ...prefixTables(Number(prefix), other));
  }
  return [...parts, ...spread(model), ...prediction(model), ...tasks(model)].join('\n');
}

function levelTable({ curves, documents, prefixTokens }: ModelReport): string[] {
  const row = (codec: string, s: CurvePoint) =>
    [
      codec,
      s.point,
      s.bitsPerValue.toFixed(3),
      (16 / s.bitsPerValue).toFixed(1),
      significant(s.kld),
      significant(s.dnll),
      percent(s.top1),
      percent(s.overhead),
      percent(s.embeddingCost),
      `${significant(s.worst.kld)} (${s.worst.document})`,
    ].join(' | ');
  const levels = Object.entries(CURVES).flatMap(([curve, title]) =>
    (curves[curve] ?? [])
      .filter(({ level }) => level || curve === 'integer')
      .map((point) => `| ${row(title, point)} |`),
  );
  return [
    `Levels, prefix ${prefixTokens} tokens, ${documents} documents:`,
    '',
    '| codec | level | bits/value | x | KLD | dNLL | top-1 | overhead | embedding | worst document |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...levels,
  ];
}

function prefixTables(prefixTokens: number, report: PrefixReport): string[] {
  const names = Object.keys(CURVES).filter((curve) => report.curves[curve] !== undefined);
  const cell = (bits: number | null | undefined) => (bits == null ? '-' : bits.toFixed(3));
  const at = names.map(
    (curve) =>
      `| ${CURVES[curve]} | ${KLDS.map((kld) => cell(report.atKldByCurve[curve]?.[kld])).join(' | ')} |`,
  );
  const ratios = Object.entries(report.ratioVs).map(([name, ratio]) => {
    const times = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)}x`);
    const range = ratio.commonKld === null ? '-' : ratio.commonKld.map(significant).join(' to ');
    return `| ${name} | ${[ratio.min, ...KLDS.map((kld) => ratio.at[kld] ?? null)].map(times).join(' | ')} | ${range} |`;
  });
  return [
    `Bits per value at equal KLD, prefix ${prefixTokens} tokens, ${report.documents} documents ("-": not reached):`,
    '',
    `| codec | ${KLDS.map((kld) => `KLD ${kld}`).join(' | ')} |`,
    `| --- |${' --- |'.repeat(KLDS.length)}`,
    ...at,
    '',
    'Bits of a baseline over bits of the ladder:',
    '',
    `| baseline | least | ${KLDS.map((kld) => `KLD ${kld}`).join(' | ')} | common range of KLD |`,
    `| --- | --- |${' --- |'.repeat(KLDS.length)} --- |`,
    ...ratios,
  ];
}

function spread({ worstDomain: worst }: ModelReport): string[] {
  if (worst === null) return [];
  const list = (klds: Record<string, number>) =>
    Object.entries(klds)
      .map(([name, kld]) => `${name} ${significant(kld)}`)
      .join(', ');
  return [
    '',
    `KLD at \`${worst.level}\` by domain: ${list(worst.kldByDomain)}; mean ${significant(worst.meanKld)}. ` +
      `Worst domain: ${worst.domain}, ${worst.ratio.toFixed(1)} times the mean; worst document: ${worst.document}, ${significant(worst.documentKld)}.`,
    ...(Object.keys(worst.kldByFarDocument).length === 0
      ? []
      : [`Far from calibration: ${list(worst.kldByFarDocument)}.`]),
  ];
}

function prediction({ predictedRho: rho }: ModelReport): string[] {
  if (rho === null) return [];
  const levels = Object.entries(rho.levels).map(([level, value]) => `\`${level}\` ${value.toFixed(2)}`);
  return [
    '',
    `Rank correlation of predicted with measured KLD over documents: ${levels.join(', ')}; over all levels and documents ${rho.pooled.toFixed(2)}.`,
  ];
}

function tasks({ retrieval, generation }: ModelReport): string[] {
  const lines: string[] = [];
  if (retrieval !== null) {
    const levels = Object.entries(retrieval.levels).map(([level, { passed }]) => `\`${level}\` ${passed}`);
    lines.push(
      '',
      `Retrieval: of ${retrieval.cases} questions the exact cache answers ${retrieval.passedByFp16}; of those, ${levels.join(', ')}.`,
    );
  }
  if (generation !== null) {
    const levels = Object.entries(generation.levels).map(
      ([level, { equalTokens, firstDivergence, identical }]) =>
        `| ${level} | ${percent(equalTokens)} | ${firstDivergence.toFixed(1)} | ${percent(identical)} |`,
    );
    lines.push(
      '',
      `Greedy generation, ${generation.tokens} tokens after each of ${generation.documents} documents:`,
      '',
      '| level | equal tokens | first divergence (mean) | identical documents |',
      '| --- | --- | --- | --- |',
      ...levels,
    );
  }
  return lines;
}

const percent = (share: number | undefined) => (share === undefined ? '' : `${(100 * share).toFixed(1)}%`);

const significant = (value: number) => (value === 0 ? '0' : String(Number(value.toPrecision(2))));
