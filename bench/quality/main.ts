import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Codec, CodecProfile } from '../../src/codec/codec.ts';
import { loadBestCodec } from '../../src/codec/index.ts';
import {
  type Engine,
  modelFingerprint as modelFingerprintOf,
  valuesPerToken,
} from '../../src/engine/index.ts';
import { fileDigest } from '../../src/engine/llama/file-digest.ts';
import { openLlamaEngine, resolveModelPath } from '../../src/engine/llama/index.ts';
import { kvedgeHome } from '../../src/engine/llama/models.ts';
import { type Fitted, loadFitted } from './baselines/fitted.ts';
import { Kvtc } from './baselines/kvtc/index.ts';
import { paperTables } from './baselines/paper-cachegen.ts';
import { baselineCandidates, type Candidate, type OwnCodec, ownCandidates } from './candidates.ts';
import { dequantizedCopy } from './dequantize.ts';
import { documents } from './documents.ts';
import { compareGenerations, type GenerationReport } from './generation.ts';
import { type DocumentResult, type ModelReport, predictedRho, prefixReport, worstDomain } from './report.ts';
import { ResultCache } from './result-cache.ts';
import { runRetrieval } from './retrieval.ts';
import { Scorer, type Setting } from './scorer.ts';
import { type Subject, subjects } from './subjects.ts';

export interface QualityOptions {
  model: string;
  /** Profile of the model; absent: the committed one if there is one; false: codec 2 and the baselines alone. */
  profile?: string | false;
  /** Lengths of the cached prefix; the first is the one that everything is measured at. */
  prefixTokens: number[];
  scoredTokens: number;
  everyTokens: number;
  /** Documents at the prefixes after the first, spread over the list. */
  longDocuments: number;
  /** Only documents whose name contains this. */
  only?: string;
  baselines: boolean;
  /** Retrieval and generation. */
  tasks: boolean;
  threads?: number;
}

export interface QualityReport {
  backend: string;
  scoredTokens: number;
  everyTokens: number;
  models: Record<string, ModelReport>;
}

/** Levels of codec 2 (docs/format.md, section 12.6). */
const CACHEGEN_LEVELS = ['draft', 'standard', 'high'];
const GENERATED_TOKENS = 64;
const PYTHON = join(import.meta.dirname, '../../origin-gpu/calibrate/.venv/bin/python');

const say = (text: string) => process.stderr.write(`${text}\n`);

/** Rate, damage and use of one model's caches through the engine's own state (docs/quality.md). */
export async function runQuality(options: QualityOptions): Promise<QualityReport> {
  const codec = await loadBestCodec();
  const modelPath = await resolveModelPath(options.model);
  const exactModelPath = join(kvedgeHome(), 'cache', `${basename(modelPath, '.gguf')}.f32.gguf`);
  const engine = await openLlamaEngine({
    modelPath: await dequantizedCopy(modelPath, exactModelPath),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  const profilePath = options.profile ?? committedProfile(options.model);
  const profile = profilePath === false ? null : codec.loadProfile(readFileSync(profilePath));
  const modelFingerprint = await fingerprintOf(modelPath, engine);
  const own = ownCodecs(codec, engine, profile, modelFingerprint);
  const fitted = options.baselines ? fittedOf(modelPath, modelFingerprint) : null;
  const kvtc = fitted === null || !hasPython() ? null : new Kvtc(fitted, engine.model.rope, PYTHON);
  const paper = fitted === null ? null : paperTables(fitted);
  const cache = new ResultCache(join(kvedgeHome(), 'cache', 'quality'));
  const generations = new Map<string, [Uint32Array, Uint32Array][]>();

  const measure = async (subject: Subject, prefixTokens: number): Promise<DocumentResult> => {
    const { scoredTokens, everyTokens } = options;
    const setting: Setting = { prefixTokens, scoredTokens, everyTokens };
    const needed = prefixTokens + scoredTokens + 1;
    const capacityTokens = Math.max(needed, prefixTokens + GENERATED_TOKENS + 1);
    const sequence = await engine.openSequence({ capacityTokens });
    const tokens = subject.tokens(engine, needed).subarray(0, needed);
    if (tokens.length < needed) {
      throw new Error(`${subject.name} has only ${tokens.length} tokens of ${needed}`);
    }
    const scorer = new Scorer(engine, sequence, tokens, setting, cache);
    const exact = await scorer.exact();
    const values = prefixTokens * valuesPerToken(engine.model.geometry);
    const points: DocumentResult['points'] = [];
    const take = async ({ chunks, ...candidate }: Candidate) => {
      const damage = await scorer.damage(chunks);
      const bitsPerValue = (8 * candidate.bytes) / values;
      points.push({ ...candidate, bitsPerValue, ...damage });
      const { curve, point } = candidate;
      say(
        `${subject.name} ${prefixTokens}: ${curve} ${point} ${bitsPerValue.toFixed(3)} bits, KLD ${damage.kld.toFixed(5)}`,
      );
    };
    const isFirst = prefixTokens === options.prefixTokens[0];
    for (const codecOfModel of own) {
      const levelsOnly = subject.set === 'far';
      for (const candidate of ownCandidates(codec, codecOfModel, exact, tokens, levelsOnly)) {
        await take(candidate);
        if (!(options.tasks && isFirst && subject.set === 'main' && candidate.level)) continue;
        if (candidate.curve !== own[0]!.curve) continue;
        const reference = await scorer.generate([exact], GENERATED_TOKENS);
        const said = await scorer.generate(candidate.chunks, GENERATED_TOKENS);
        generations.set(candidate.point, [...(generations.get(candidate.point) ?? []), [reference, said]]);
      }
    }
    if (options.baselines && subject.set === 'main') {
      for await (const candidate of baselineCandidates(exact, paper, kvtc)) await take(candidate);
    }
    await sequence.close();
    const { name, domain, source, set } = subject;
    return { name, domain, source, set, prefixTokens, points };
  };

  const results: DocumentResult[] = [];
  for (const [index, prefixTokens] of options.prefixTokens.entries()) {
    for (const subject of chosen(options, index)) results.push(await measure(subject, prefixTokens));
  }
  const retrieval = options.tasks
    ? await runRetrieval(engine, codec, own[0]!, fillers(), cache, (name) => say(`retrieval ${name}`))
    : null;
  kvtc?.close();
  await engine.close();
  const [first, ...others] = options.prefixTokens as [number, ...number[]];
  const report: ModelReport = {
    profileBytes: profile?.info.fileBytes ?? null,
    modelBytes: statSync(modelPath).size,
    prefixTokens: first,
    ...prefixReport(results, first),
    prefixes: Object.fromEntries(others.map((prefix) => [String(prefix), prefixReport(results, prefix)])),
    retrieval,
    generation: generations.size === 0 ? null : generationReport(generations),
    worstDomain: worstDomain(results, first),
    predictedRho: predictedRho(results, first),
    perDocument: results,
  };
  const { scoredTokens, everyTokens } = options;
  return { backend: codec.backend, scoredTokens, everyTokens, models: { [nameOf(options.model)]: report } };
}

/** The first is the one that tasks are judged with. */
function ownCodecs(
  codec: Codec,
  engine: Engine,
  profile: CodecProfile | null,
  modelFingerprint: string,
): OwnCodec[] {
  const cachegen = codec.openCachegen({ modelFingerprint, ...engine.model.geometry });
  const second = { curve: 'cachegen', coder: cachegen, levels: CACHEGEN_LEVELS, cutsBelow: [0, 2, 1] };
  if (profile === null) return [second];
  const levels = profile.info.levelNames;
  return [{ curve: 'ladder', coder: profile, levels, cutsBelow: [1, 2, 1, 1] }, second];
}

function chosen({ only, longDocuments }: QualityOptions, prefixIndex: number): Subject[] {
  const named = subjects().filter(({ name }) => name.includes(only ?? ''));
  if (prefixIndex === 0) return named;
  const main = named.filter(({ set }) => set === 'main');
  const step = Math.max(1, main.length / longDocuments);
  return main.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

/** Prose to hide a passkey in. */
function fillers(): string[] {
  return documents()
    .filter(({ domain }) => domain === 'novel' || domain === 'speech')
    .map(({ text }) => text);
}

function fittedOf(modelPath: string, modelFingerprint: string): Fitted | null {
  const fitted = loadFitted(join(kvedgeHome(), 'baselines', basename(modelPath, '.gguf')), modelFingerprint);
  if (fitted === null) {
    say("SKIPPED: the paper's CacheGen and KVTC-like: run `npm run calibrate -- baselines` for this model");
  }
  return fitted;
}

function hasPython(): boolean {
  if (existsSync(PYTHON)) return true;
  say('SKIPPED: KVTC-like: its matrix products need the Python of `npm run calibrate`');
  return false;
}

function generationReport(generations: ReadonlyMap<string, [Uint32Array, Uint32Array][]>): GenerationReport {
  const documentCount = [...generations.values()][0]?.length ?? 0;
  return {
    tokens: GENERATED_TOKENS,
    documents: documentCount,
    levels: Object.fromEntries([...generations].map(([level, runs]) => [level, compareGenerations(runs)])),
  };
}

function committedProfile(model: string): string | false {
  const path = join(import.meta.dirname, '../../origin-gpu/profiles', `${nameOf(model)}.kvp`);
  return existsSync(path) ? path : false;
}

/** Of the model as published, not of the copy that the engine evaluates. */
async function fingerprintOf(modelPath: string, engine: Engine): Promise<string> {
  const digest = await fileDigest(modelPath);
  return Buffer.from(modelFingerprintOf(digest, engine.model.geometry)).toString('hex');
}

/** Reports of several models, one run after the other, as one. */
export function mergeReports(reports: readonly QualityReport[]): QualityReport {
  const [first] = reports;
  if (first === undefined) throw new RangeError('no model was measured');
  return { ...first, models: Object.assign({}, ...reports.map(({ models }) => models)) };
}

const nameOf = (model: string) => basename(model, '.gguf').toLowerCase();
