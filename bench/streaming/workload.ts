import {
  type ChunkOption,
  type EngineSpeed,
  type Outline,
  outlineOf,
} from '../../src/client/controller/index.ts';
import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';
import { timeToDeliver } from './capacity.ts';
import { Draw, type Trace } from './trace.ts';

/** One request of the suite. `truth` is what happens, `believed` what the controller was told: measured once, and a little wrong. */
export interface Workload {
  model: string;
  believed: Outline;
  truth: Outline;
  deadlineMs: number;
  tokenBytes: number;
  priorBytesPerMs?: number;
}

interface Model {
  name: string;
  valuesPerToken: number;
  /** Per chunk of 256 tokens and level. */
  decodeMs: readonly number[];
  tokensPerSecond: readonly [number, number];
  loadMsPerToken: number;
  /** Share that a token costs more when it has 1,000 before it. */
  growthPer1000: number;
}

/** Rates and damage of the ladder: draft, standard, high, near-lossless (docs/quality.md). */
export const LEVELS = [
  { name: 'draft', bitsPerValue: 0.29, kld: 0.035 },
  { name: 'standard', bitsPerValue: 0.76, kld: 0.006 },
  { name: 'high', bitsPerValue: 1.62, kld: 0.0007 },
  { name: 'near-lossless', bitsPerValue: 2.9, kld: 0.0001 },
] as const;

const MODELS: readonly Model[] = [
  {
    name: 'SmolLM2-135M on two CPU cores',
    valuesPerToken: 11_520,
    decodeMs: [14, 18, 24, 32],
    tokensPerSecond: [250, 1_000],
    loadMsPerToken: 0.04,
    growthPer1000: 0.15,
  },
  {
    name: 'Llama-3.1-8B on a small GPU',
    valuesPerToken: 65_536,
    decodeMs: [8, 10, 14, 18],
    tokensPerSecond: [300, 2_500],
    loadMsPerToken: 0.02,
    growthPer1000: 0.03,
  },
];

/** Ids and text of a token as JSON. */
const TOKEN_ANSWER_BYTES = 10;
const DECODE_ERROR = 0.1;
const PREFILL_ERROR = 0.01;
/** What the controller is told is on the slow side by as much, as a client that measures itself would choose. */
const SLOW_SIDE = { decode: 1 + DECODE_ERROR, prefill: 1 + PREFILL_ERROR };

/**
 * A context of 512 to 6,144 tokens, and a deadline that whoever sets it could have known: 1 to 2.5 times what `standard`, or
 * text if that is faster, takes on a link that keeps the nominal rate. Half of the requests know the rate of an earlier
 * session, within a factor of about 1.4.
 */
export function makeWorkload(trace: Trace, seed: number): Workload {
  const draw = new Draw(seed);
  const fast = trace.nominalBytesPerMs * draw.logBetween(0.5, 2) > 8_000;
  const model = MODELS[fast ? 1 : 0]!;
  const tokens = Math.round(draw.logBetween(512, 6_144));
  const tokensPerSecond = draw.logBetween(...model.tokensPerSecond);
  const prefillMsPerToken = 1000 / tokensPerSecond;
  const speed: EngineSpeed = {
    prefillMsPerToken,
    prefillMsPerTokenPerPosition: (prefillMsPerToken * model.growthPer1000) / 1000,
    loadFixedMs: 5,
    batchTokens: 16,
    loadMsPerToken: model.loadMsPerToken,
  };
  const nominal = outlineOf(chunksOf(model, tokens, 1), speed);
  const flat = { ...trace, atMs: [0], bytesPerMs: [trace.nominalBytesPerMs] };
  const textMs = timeToDeliver(flat, tokens * TOKEN_ANSWER_BYTES) + nominal.prefillMs[0]!;
  const deadlineMs = draw.between(1, 2.5) * Math.min(standardMs(nominal, flat), textMs);
  const prefillError = draw.between(1 - PREFILL_ERROR, 1 + PREFILL_ERROR);
  const decodeError = draw.between(1 - DECODE_ERROR, 1 + DECODE_ERROR);
  const workload: Workload = {
    model: model.name,
    believed: outlineOf(
      chunksOf(model, tokens, SLOW_SIDE.decode),
      scaled(speed, SLOW_SIDE.prefill, SLOW_SIDE.decode),
    ),
    truth: outlineOf(chunksOf(model, tokens, decodeError), scaled(speed, prefillError, decodeError)),
    deadlineMs,
    tokenBytes: tokens * TOKEN_ANSWER_BYTES,
  };
  if (draw.unit() < 0.5) workload.priorBytesPerMs = trace.nominalBytesPerMs * Math.exp(0.35 * draw.normal());
  return workload;
}

function chunksOf(model: Model, tokens: number, decodeFactor: number): ChunkOption[] {
  const chunks: ChunkOption[] = [];
  for (let start = 0; start < tokens; start += CHUNK_TOKENS) {
    const tokenCount = Math.min(CHUNK_TOKENS, tokens - start);
    chunks.push({
      tokenCount,
      levels: LEVELS.map(({ bitsPerValue, kld }, i) => ({
        bytes: Math.ceil((tokenCount * model.valuesPerToken * bitsPerValue) / 8),
        kld,
        decodeMs: (decodeFactor * model.decodeMs[i]! * tokenCount) / CHUNK_TOKENS,
      })),
    });
  }
  return chunks;
}

function scaled(speed: EngineSpeed, prefill: number, load: number): EngineSpeed {
  return {
    prefillMsPerToken: speed.prefillMsPerToken * prefill,
    prefillMsPerTokenPerPosition: speed.prefillMsPerTokenPerPosition * prefill,
    batchTokens: speed.batchTokens,
    loadFixedMs: speed.loadFixedMs * load,
    loadMsPerToken: speed.loadMsPerToken * load,
  };
}

function standardMs(outline: Outline, trace: Trace): number {
  const bytes = outline.chunks.reduce((sum, chunk) => sum + chunk.levels[1]!.bytes, 0);
  const { decodeMs } = outline.chunks.at(-1)!.levels[1]!;
  return (
    timeToDeliver(trace, bytes + outline.tokenCount * TOKEN_ANSWER_BYTES) + decodeMs + outline.loadMs.at(-1)!
  );
}
