import { type EdgeAccess, type OpenedContext, openContext, type Profiles } from '../../client/index.ts';
import type { Codec } from '../../codec/codec.ts';
import type { Engine } from '../../engine/index.ts';

/** Tokens generated greedily after the context. */
export const GENERATED_TOKENS = 64;
export const LINK_BITS_PER_SECOND = 100e6;

export interface TextFigures {
  /** From the text to the first token. */
  ttftMs: number;
  /** The same plus the transfer of the text over the shaped link. */
  ttft100MbitMs: number;
  generated: Uint32Array;
}

export interface LevelFigures {
  /** Bodies of manifest, tokens and chunks. */
  bytes: number;
  bitsPerValue: number;
  /** From the request of the manifest to the first token. */
  ttftMs: number;
  ttft100MbitMs: number;
  /** Share of the generated tokens that are those after the text, place by place; absent if none were compared. */
  equalTokens?: number;
  /** Milliseconds in which each stage was busy, unshaped. */
  stageMs: OpenedContext['report']['stageMs'];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Evaluates a few tokens, so that nothing is measured cold. */
export async function warmUp(engine: Engine): Promise<void> {
  const sequence = await engine.openSequence({ capacityTokens: 256 });
  await sequence.prefill(engine.tokenize('Call me Ishmael. '.repeat(20)).subarray(0, 100));
  await sequence.generate({ maxTokens: 8, stopAtEnd: false });
  await sequence.close();
}

/** No further run of the text is begun after this time, so that a slow machine still ends within minutes. */
const TEXT_BUDGET_MS = 12_000;

/** Time to the first token from text (median of up to `runs`), and the tokens that follow it. */
export async function measureText(engine: Engine, text: string, runs: number): Promise<TextFigures> {
  const times: number[] = [];
  let generated = new Uint32Array();
  const begin = performance.now();
  for (let run = 0; run < runs && (run === 0 || performance.now() - begin < TEXT_BUDGET_MS); run++) {
    const start = performance.now();
    const tokens = engine.tokenize(text);
    const sequence = await engine.openSequence({ capacityTokens: tokens.length + GENERATED_TOKENS });
    await sequence.prefill(tokens.subarray(0, -1));
    const generation = await sequence.generate({
      promptTokens: tokens.subarray(-1),
      maxTokens: run === 0 ? GENERATED_TOKENS : 1,
      stopAtEnd: false,
      onToken: (_, index) => {
        if (index === 0) times.push(performance.now() - start);
      },
    });
    await sequence.close();
    if (run === 0) generated = Uint32Array.from(generation.tokens);
  }
  const ttftMs = median(times);
  const transferMs = (Buffer.byteLength(text) * 8000) / LINK_BITS_PER_SECOND;
  return { ttftMs, ttft100MbitMs: ttftMs + transferMs, generated };
}

export interface LevelRequest {
  engine: Engine;
  codec: Codec;
  profiles: Profiles;
  direct: EdgeAccess;
  shaped: EdgeAccess;
  id: string;
  level: string;
  values: number;
  text: TextFigures;
  runs: number;
  /** Whether to generate and compare all tokens, not just the first. */
  compares: boolean;
}

/** Time to the first token from KV at one level, over both links, and how the generation compares with that from text. */
export async function measureLevel(request: LevelRequest): Promise<LevelFigures> {
  const { values, text, runs, compares } = request;
  const generated = await timeToFirstToken(request, request.direct, compares ? GENERATED_TOKENS : 1);
  const direct = [generated];
  const shaped = [];
  for (let run = 0; run < runs; run++) {
    shaped.push(await timeToFirstToken(request, request.shaped, 1));
    if (direct.length < runs) direct.push(await timeToFirstToken(request, request.direct, 1));
  }
  const { manifest, tokens, chunks } = generated.bytes;
  const bytes = manifest + tokens + chunks;
  const equal = generated.tokens.filter((token, index) => token === text.generated[index]).length;
  return {
    bytes,
    bitsPerValue: (8 * bytes) / values,
    ttftMs: median(direct.map((run) => run.ttftMs)),
    ttft100MbitMs: median(shaped.map((run) => run.ttftMs)),
    ...(compares && { equalTokens: equal / text.generated.length }),
    stageMs: direct.at(-1)!.stageMs,
  };
}

async function timeToFirstToken(request: LevelRequest, access: EdgeAccess, maxTokens: number) {
  const { engine, profiles, id, level } = request;
  const start = performance.now();
  let ttftMs = Number.NaN;
  const { sequence, report } = await openContext({
    ...access,
    id,
    level,
    engine,
    profiles,
    extraTokens: GENERATED_TOKENS,
  });
  const generation = await sequence.generate({
    maxTokens,
    stopAtEnd: false,
    onToken: (_, index) => {
      if (index === 0) ttftMs = performance.now() - start;
    },
  });
  await sequence.close();
  return { ttftMs, tokens: generation.tokens, bytes: report.bytes, stageMs: report.stageMs };
}
