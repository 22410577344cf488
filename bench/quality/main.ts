import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import cliProgress from 'cli-progress';
import { loadBestCodec } from '../../src/codec/index.ts';
import { openLlamaEngine, resolveModelPath } from '../../src/engine/llama/index.ts';
import { kvedgeHome } from '../../src/engine/llama/models.ts';
import { pool } from './damage.ts';
import { dequantizedCopy } from './dequantize.ts';
import { documents } from './documents.ts';
import { CACHEGEN_LEVELS, measureDocument, type Point } from './measure.ts';

export interface QualityOptions {
  model: string;
  profile: string;
  prefixTokens: number;
  scoredTokens: number;
  everyTokens: number;
  /** Only documents whose name contains this. */
  only?: string;
}

export interface QualityReport {
  model: string;
  profileBytes: number;
  backend: string;
  /** How many documents were measured. */
  documents: number;
  perDocument: DocumentResult[];
  prefixTokens: number;
  scoredTokens: number;
  everyTokens: number;
  levels: Record<string, LevelSummary>;
  /** Levels of codec 2, which needs no profile. */
  cachegen: Record<string, LevelSummary>;
  baselines: Record<string, LevelSummary>;
}

export interface DocumentResult {
  name: string;
  domain: string;
  source: string;
  points: Point[];
}

export interface LevelSummary {
  bitsPerValue: number;
  kld: number;
  kld99: number;
  dnll: number;
  top1: number;
  overhead?: number;
  embeddingCost?: number;
  worst: { document: string; kld: number };
}

/** Split-context damage of the shipped codec through the engine's own state (docs/quality.md). */
export async function runQuality(options: QualityOptions): Promise<QualityReport> {
  const codec = await loadBestCodec();
  const file = readFileSync(options.profile);
  const profile = codec.loadProfile(file);
  const modelPath = await resolveModelPath(options.model);
  const exactModelPath = join(kvedgeHome(), 'cache', `${basename(modelPath, '.gguf')}.f32.gguf`);
  const engine = await openLlamaEngine({ modelPath: await dequantizedCopy(modelPath, exactModelPath) });
  const { modelFingerprint } = profile.info;
  const cachegen = codec.openCachegen({ modelFingerprint, ...engine.model.geometry });
  const sequence = await engine.openSequence({
    capacityTokens: options.prefixTokens + options.scoredTokens + 1,
  });
  const chosen = documents().filter(({ name }) => name.includes(options.only ?? ''));
  const bar = new cliProgress.SingleBar(
    { format: 'quality {bar} {value}/{total} {document} {step}', stream: process.stderr, noTTYOutput: false },
    cliProgress.Presets.shades_classic,
  );
  bar.start(chosen.length, 0, { document: '', step: '' });
  const results: DocumentResult[] = [];
  for (const document of chosen) {
    const needed = options.prefixTokens + options.scoredTokens + 1;
    const tokens = engine.tokenize(document.text).subarray(0, needed);
    if (tokens.length < needed)
      throw new Error(`${document.name} has only ${tokens.length} tokens of ${needed}`);
    const points = await measureDocument(
      engine,
      sequence,
      codec,
      profile,
      cachegen,
      tokens,
      options,
      (step) => bar.update({ document: document.name, step }),
    );
    results.push({ name: document.name, domain: document.domain, source: document.source, points });
    bar.increment();
  }
  bar.stop();
  await engine.close();
  const summary = (name: string) => summarize(name, results);
  return {
    model: engine.model.name,
    profileBytes: file.length,
    backend: codec.backend,
    documents: results.length,
    perDocument: results,
    prefixTokens: options.prefixTokens,
    scoredTokens: options.scoredTokens,
    everyTokens: options.everyTokens,
    levels: Object.fromEntries(profile.info.levelNames.map((name) => [name, summary(name)])),
    cachegen: Object.fromEntries(CACHEGEN_LEVELS.map((name) => [name, summary(`cachegen-${name}`)])),
    baselines: Object.fromEntries(['int8', 'int4'].map((name) => [name, summary(name)])),
  };
}

function summarize(codec: string, results: DocumentResult[]): LevelSummary {
  const own = results.map((result) => ({
    document: result.name,
    point: result.points.find((point) => point.codec === codec) as Point,
  }));
  const mean = (pick: (point: Point) => number) =>
    own.reduce((sum, { point }) => sum + pick(point), 0) / own.length;
  const { kld, kld99, dnll, top1 } = pool(own.map(({ point }) => point));
  const worst = own.reduce((a, b) => (b.point.kld > a.point.kld ? b : a));
  return {
    bitsPerValue: mean((point) => point.bitsPerValue),
    kld,
    kld99,
    dnll,
    top1,
    ...(own[0]?.point.overhead === undefined
      ? {}
      : {
          overhead: mean((point) => point.overhead ?? 0),
          embeddingCost: mean((point) => point.embeddingCost ?? 0),
        }),
    worst: { document: worst.document, kld: worst.point.kld },
  };
}
