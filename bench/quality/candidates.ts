import type { ChunkCoder, ChunkInfo, Codec } from '../../src/codec/codec.ts';
import { type KvPlanes, slicePlanes } from '../../src/engine/index.ts';
import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';
import { integerQuantized } from './baselines/integer.ts';
import { KVTC_BUDGETS, type Kvtc } from './baselines/kvtc/index.ts';
import { LMCACHE_SETTINGS, lmcache } from './baselines/lmcache.ts';
import { type PaperTables, paperCachegen } from './baselines/paper-cachegen.ts';

/** A prefix compressed by one codec at one setting. */
export interface Candidate {
  curve: string;
  /** Which point of the curve: a level, or a setting of a baseline. */
  point: string;
  /** Everything that travels. */
  bytes: number;
  chunks: KvPlanes[];
  /** True for a level of a codec of this project. */
  level?: boolean;
  /** Damage the encoder predicted, mean over chunks; levels of a chunk have one. */
  predictedKld?: number;
  /** Share of the bytes that is not entropy-coded or exact data: header, prelude, segment heads, lane states. */
  overhead?: number;
  /** What being embedded costs: bytes of the level cut from the object over bytes of the level encoded alone, minus 1. */
  embeddingCost?: number;
}

/** One of this project's codecs, its levels coarsest first, and how many cuts by bytes to take between neighbours. */
export interface OwnCodec {
  curve: string;
  coder: ChunkCoder;
  levels: readonly string[];
  cutsBelow: readonly number[];
}

const SEGMENT_HEAD_BYTES = 8;
const LANE_STATE_BYTES = 4;

/** Every level and cut of one of this project's codecs, by the shipped encoder and decoder. */
export function* ownCandidates(
  codec: Codec,
  { curve, coder, levels, cutsBelow }: OwnCodec,
  exact: KvPlanes,
  tokens: Uint32Array,
  levelsOnly: boolean,
): Generator<Candidate> {
  const parts = chunksOf(exact);
  const encode = (planes: KvPlanes, onlyLevel?: string) =>
    coder.encodeChunk({
      planes,
      chunkId: new Uint8Array(32),
      exactFirstToken: planes.firstPosition === 0,
      firstTokenId: tokens[planes.firstPosition] as number,
      ...(onlyLevel === undefined ? {} : { onlyLevel }),
    });
  const objects = parts.map((part) => encode(part));
  for (const [index, level] of levels.entries()) {
    const cuts = levelsOnly ? 0 : (cutsBelow[index] ?? 0);
    for (let cut = 1; cut <= cuts; cut++) {
      const share = cut / (cuts + 1);
      yield { curve, point: `${level}-${share.toFixed(2)}`, ...atCut(codec, coder, objects, index, share) };
    }
    const embedded = atLevel(codec, coder, objects, level);
    const aloneBytes = parts.reduce((sum, part) => sum + encode(part, level).length, 0);
    yield { curve, point: level, level: true, ...embedded, embeddingCost: embedded.bytes / aloneBytes - 1 };
  }
}

/** Plain integers, LMCache's CacheGen and, where their tables are fitted, the paper's CacheGen and the KVTC-like coder. */
export async function* baselineCandidates(
  exact: KvPlanes,
  paper: PaperTables | null,
  kvtc: Kvtc | null,
): AsyncGenerator<Candidate> {
  for (const bits of [4, 8] as const) {
    const { planes, bytes } = integerQuantized(exact, bits);
    yield { curve: 'integer', point: `int${bits}`, bytes, chunks: [planes] };
  }
  const parts = chunksOf(exact);
  const joined = (curve: string, point: string, coded: { planes: KvPlanes; bytes: number }[]): Candidate => ({
    curve,
    point,
    bytes: coded.reduce((sum, { bytes }) => sum + bytes, 0),
    chunks: coded.map(({ planes }) => planes),
  });
  for (const { name, bins } of LMCACHE_SETTINGS) {
    yield joined(
      'lmcache',
      name,
      parts.map((part) => lmcache(part, bins)),
    );
  }
  for (const setting of paper?.settings ?? []) {
    yield joined(
      'paper-cachegen',
      setting.name,
      parts.map((part) => paperCachegen(part, paper as PaperTables, setting)),
    );
  }
  if (kvtc === null) return;
  const coefficients = await kvtc.analyse(exact);
  for (const budget of KVTC_BUDGETS) {
    const { planes, bytes } = await kvtc.code(exact, coefficients, budget);
    yield { curve: 'kvtc', point: `${budget}`, bytes, chunks: [planes] };
  }
}

export function chunksOf(planes: KvPlanes): KvPlanes[] {
  const count = Math.ceil(planes.tokenCount / CHUNK_TOKENS);
  return Array.from({ length: count }, (_, index) =>
    slicePlanes(planes, {
      start: index * CHUNK_TOKENS,
      end: Math.min(planes.tokenCount, (index + 1) * CHUNK_TOKENS),
    }),
  );
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

/** Every object cut `share` of the way, on a logarithmic scale of bytes, from the level before to level `index`. */
function atCut(codec: Codec, coder: ChunkCoder, objects: Uint8Array[], index: number, share: number) {
  const prefixes = objects.map((object) => {
    const { levels, headerBytes, preludeBytes } = codec.inspectChunk(object);
    const fixed = headerBytes + preludeBytes;
    const most = levels[index]!.endOffset;
    // What is below the first level has no level before it: half of its segments' bytes and so on.
    const maxBytes =
      index === 0
        ? fixed + share * (most - fixed)
        : levels[index - 1]!.endOffset ** (1 - share) * most ** share;
    return codec.cutChunk(object, { maxBytes: Math.floor(maxBytes) });
  });
  return {
    bytes: prefixes.reduce((sum, { length }) => sum + length, 0),
    chunks: prefixes.map((prefix) => coder.decodeChunk(prefix)),
  };
}

function overheadOf(info: ChunkInfo, endOffset: number): number {
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
