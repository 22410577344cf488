import type { ChunkCoder, Codec, CodecProfile } from '../../src/codec/codec.ts';
import {
  type Engine,
  type EngineSequence,
  type KvPlanes,
  slicePlanes,
  valuesPerToken,
} from '../../src/engine/index.ts';
import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';
import { integerQuantized } from './baselines.ts';
import { type Damage, DamageMeter } from './damage.ts';

export interface Setting {
  prefixTokens: number;
  scoredTokens: number;
  /** Of the scored tokens every n-th one's distribution is compared. */
  everyTokens: number;
}

/** Rate and damage of one codec at one setting on one document. */
export interface Point extends Damage {
  codec: string;
  bytes: number;
  bitsPerValue: number;
  /** Damage the encoder predicted, mean over chunks; levels of a chunk have one. */
  predictedKld?: number;
  /** Share of the bytes that is not entropy-coded or exact data: header, prelude, segment heads, lane states. */
  overhead?: number;
  /** What being embedded costs: bytes of the level cut from the object over bytes of the level encoded alone, minus 1. */
  embeddingCost?: number;
}

interface Candidate {
  codec: string;
  bytes: number;
  chunks: KvPlanes[];
  predictedKld?: number;
  overhead?: number;
  embeddingCost?: number;
}

/** Levels of codec 2 (docs/format.md, section 12.6). */
export const CACHEGEN_LEVELS = ['draft', 'standard', 'high'];

const SEGMENT_HEAD_BYTES = 8;
const LANE_STATE_BYTES = 4;

/** Splits a document: its first tokens are the cached prefix, the following ones are scored against the exact cache. */
export async function measureDocument(
  engine: Engine,
  sequence: EngineSequence,
  codec: Codec,
  profile: CodecProfile,
  cachegen: ChunkCoder,
  tokens: Uint32Array,
  setting: Setting,
  onStep: (step: string) => void,
): Promise<Point[]> {
  const prefix = tokens.subarray(0, setting.prefixTokens);
  const scored = tokens.subarray(setting.prefixTokens, setting.prefixTokens + setting.scoredTokens + 1);
  onStep('prefill');
  await sequence.clear();
  await sequence.prefill(prefix);
  const exact = await sequence.readPlanes();

  const reference = new Map<number, Float32Array>();
  const { everyTokens } = setting;
  onStep('reference');
  await score(sequence, prefix, [exact], scored, everyTokens, (i, distribution) =>
    reference.set(i, distribution),
  );

  const values = prefix.length * valuesPerToken(engine.model.geometry);
  const points: Point[] = [];
  for (const candidate of candidates(codec, profile, cachegen, exact, prefix)) {
    onStep(candidate.codec);
    const meter = new DamageMeter();
    await score(sequence, prefix, candidate.chunks, scored, everyTokens, (i, distribution) =>
      meter.add(reference.get(i) as Float32Array, distribution, scored[i + 1] as number),
    );
    const { chunks: _, ...rest } = candidate;
    points.push({ ...rest, bitsPerValue: (8 * candidate.bytes) / values, ...meter.result() });
  }
  return points;
}

async function score(
  sequence: EngineSequence,
  prefix: Uint32Array,
  chunks: KvPlanes[],
  scored: Uint32Array,
  everyTokens: number,
  onDistribution: (index: number, distribution: Float32Array) => void,
) {
  await sequence.clear();
  await sequence.loadPlanes(prefix, chunks);
  await sequence.score(scored.subarray(0, -1), onDistribution, { everyTokens });
}

function* candidates(
  codec: Codec,
  profile: CodecProfile,
  cachegen: ChunkCoder,
  exact: KvPlanes,
  tokens: Uint32Array,
): Generator<Candidate> {
  const starts = Array.from({ length: Math.ceil(tokens.length / CHUNK_TOKENS) }, (_, i) => i * CHUNK_TOKENS);
  const encode = (coder: ChunkCoder, start: number, onlyLevel?: string) =>
    coder.encodeChunk({
      planes: slicePlanes(exact, { start, end: Math.min(tokens.length, start + CHUNK_TOKENS) }),
      chunkId: new Uint8Array(32),
      exactFirstToken: start === 0,
      firstTokenId: tokens[start] as number,
      ...(onlyLevel === undefined ? {} : { onlyLevel }),
    });
  const levelsOf = function* (coder: ChunkCoder, names: readonly string[], label: string) {
    const objects = starts.map((start) => encode(coder, start));
    for (const level of names) {
      const embedded = atLevel(codec, coder, objects, level);
      const aloneBytes = starts.reduce((sum, start) => sum + encode(coder, start, level).length, 0);
      yield { codec: `${label}${level}`, ...embedded, embeddingCost: embedded.bytes / aloneBytes - 1 };
    }
  };
  yield* levelsOf(profile, profile.info.levelNames, '');
  yield* levelsOf(cachegen, CACHEGEN_LEVELS, 'cachegen-');
  for (const bits of [8, 4] as const) {
    const { planes, bytes } = integerQuantized(exact, bits);
    yield { codec: `int${bits}`, bytes, chunks: [planes] };
  }
}

/** Decodes from the bytes that would travel: the level's prefix of every object. */
function atLevel(codec: Codec, coder: ChunkCoder, objects: Uint8Array[], level: string) {
  const chunks: KvPlanes[] = [];
  let bytes = 0;
  let overheadBytes = 0;
  let predictedKld = 0;
  for (const [index, object] of objects.entries()) {
    const info = codec.inspectChunk(object);
    const entry = info.levels.find(({ name }) => name === level);
    if (!entry) throw new Error(`chunk ${index} has no level ${level}`);
    const prefix = object.subarray(0, entry.endOffset);
    chunks.push(coder.decodeChunk(prefix));
    bytes += prefix.length;
    predictedKld += entry.predictedKld / objects.length;
    overheadBytes += overheadOf(info, entry.endOffset);
  }
  return { chunks, bytes, predictedKld, overhead: overheadBytes / bytes };
}

function overheadOf(info: ReturnType<Codec['inspectChunk']>, endOffset: number): number {
  const exactTokenBytes = info.kvHeads * (info.keyHeadDim + info.valueHeadDim) * info.layers * 2;
  const prelude =
    info.preludeBytes > exactTokenBytes ? info.preludeBytes - exactTokenBytes : info.preludeBytes;
  let at = info.headerBytes + info.preludeBytes;
  let overhead = info.headerBytes + prelude;
  for (const segment of info.segments) {
    at += segment.bytes;
    if (at > endOffset) break;
    // Half of the 32 bits of a final lane state is information (a state wanders over 16 bits), half is lost.
    overhead += SEGMENT_HEAD_BYTES + (Math.min(32, info.tokenCount) * LANE_STATE_BYTES) / 2;
  }
  return overhead;
}
