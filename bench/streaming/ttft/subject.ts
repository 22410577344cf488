import { type EdgeAccess, openContext, type Profiles } from '../../../src/client/index.ts';
import { CODEC_CACHEGEN, CODEC_LADDER } from '../../../src/codec/codec.ts';
import type { Engine, EngineSequence, KvPlanes } from '../../../src/engine/index.ts';
import { slicePlanes } from '../../../src/engine/planes.ts';
import { CHUNK_TOKENS } from '../../../src/protocol/limits.ts';
import { integerQuantized } from '../../quality/baselines/integer.ts';
import { DamageMeter } from '../../quality/damage.ts';
import { packInt8, unpackInt8 } from './int8.ts';
import type { Payloads } from './links.ts';
import type { Method } from './methods.ts';
import type { Published } from './publish.ts';

/** One context, in every form that is timed. */
export interface Subject {
  engine: Engine;
  profiles: Profiles;
  access: EdgeAccess;
  ids: Published;
  tokens: Uint32Array;
  /** What describes a chunk's planes beside their values. */
  chunks: Omit<KvPlanes, 'data'>[];
  payloads: Payloads;
  /** Of the text, without any transfer. */
  evaluateMs: number;
  /** That travel: of the files, and of the chunks at `standard`. */
  bytes: Record<Method, number>;
  /** Against the exact cache, nats per token, over the text that follows the context. */
  kld: Record<Method, number>;
}

export const LEVEL = 'standard';
/** Tokens whose equality shows that a path gives the cache that the text gives. */
const VERIFIED_TOKENS = 16;
/** A path that does more damage, in nats per token, does not load what was published. */
const MAX_KLD = 0.1;

export interface SubjectOptions extends Pick<Subject, 'engine' | 'profiles' | 'access' | 'ids' | 'tokens'> {
  /** The tokens that follow in the text. */
  next: Uint32Array;
}

/**
 * Evaluates the text once, which also measures it, and makes every other form of its cache. Throws unless the raw path generates
 * exactly what the text does, int8 unpacks to what the quality bench judges, each published context is of the codec that its name
 * says and holds these tokens, and what each path loads predicts the text that follows as the exact cache does.
 */
export async function prepareSubject(options: SubjectOptions): Promise<Subject> {
  const { engine, tokens, next } = options;
  const sequence = await engine.openSequence({ capacityTokens: tokens.length + VERIFIED_TOKENS });
  const startMs = performance.now();
  await sequence.prefill(tokens.subarray(0, -1));
  let evaluateMs = Number.NaN;
  await sequence.generate({
    promptTokens: tokens.subarray(-1),
    maxTokens: 1,
    stopAtEnd: false,
    onToken: () => {
      evaluateMs = performance.now() - startMs;
    },
  });
  const whole = await sequence.readPlanes({ start: 0, end: tokens.length });
  const expected = await generated(sequence);
  await sequence.close();

  const pieces: KvPlanes[] = [];
  for (let start = 0; start < tokens.length; start += CHUNK_TOKENS)
    pieces.push(slicePlanes(whole, { start, end: Math.min(tokens.length, start + CHUNK_TOKENS) }));
  const chunks = pieces.map(({ data: _, ...rest }) => rest);
  const raw = joined(pieces.map(({ data }) => new Uint8Array(data.buffer as ArrayBuffer)));
  const int8 = joined(pieces.map(packInt8));
  const text = new TextEncoder().encode(engine.detokenize(tokens));
  await verifyRaw(engine, tokens, pieces, expected);

  const load = (planes: readonly KvPlanes[]) => loaded(engine, tokens, planes, next.length);
  const exact = await distributions(await load(pieces), next);
  const kldOf = async (name: Method, sequence: EngineSequence) => {
    const meter = new DamageMeter();
    for (const [i, candidate] of (await distributions(sequence, next)).entries())
      meter.add(exact[i]!, candidate, next[i + 1] ?? next[i]!);
    const { kld } = meter.result();
    if (!(kld <= MAX_KLD)) throw new Error(`${name}: KLD ${kld} against the exact cache`);
    return kld;
  };
  const unpacked = unpackAll(int8, pieces);
  const cachegen = await openPublished(options, 'cachegen', CODEC_CACHEGEN);
  const ours = await openPublished(options, 'ours', CODEC_LADDER);
  const kld = {
    raw: 0, // by what it generates
    int8: await kldOf('int8', await load(unpacked)),
    cachegen: await kldOf('cachegen', cachegen.sequence),
    ours: await kldOf('ours', ours.sequence),
  };
  const bytes = { raw: raw.length, int8: int8.length, cachegen: cachegen.bytes, ours: ours.bytes };
  return { ...options, chunks, payloads: { text, raw, int8 }, evaluateMs, bytes, kld };
}

/** A published context as the client loads it, and the size of its chunks at that level. */
async function openPublished(
  { engine, profiles, access, ids, tokens, next }: SubjectOptions,
  name: keyof Published,
  codec: number,
): Promise<{ sequence: EngineSequence; bytes: number }> {
  const { sequence, manifest } = await openContext({
    ...access,
    id: ids[name],
    engine,
    profiles,
    level: LEVEL,
    extraTokens: next.length,
  });
  if (manifest.codec !== codec) throw new Error(`${name} was published by codec ${manifest.codec}`);
  if (String(sequence.tokens) !== String(tokens)) throw new Error(`${name} was published with other tokens`);
  const bytes = manifest.chunks.reduce(
    (sum, { levels }) => sum + levels.find((level) => level.name === LEVEL)!.bytes,
    0,
  );
  return { sequence, bytes };
}

async function loaded(
  engine: Engine,
  tokens: Uint32Array,
  planes: readonly KvPlanes[],
  extraTokens: number,
): Promise<EngineSequence> {
  const sequence = await engine.openSequence({ capacityTokens: tokens.length + extraTokens });
  await sequence.loadPlanes(tokens, planes);
  return sequence;
}

/** What a sequence predicts after each of the tokens that follow. Closes it. */
async function distributions(sequence: EngineSequence, next: Uint32Array): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  try {
    await sequence.score(next, (_, logProbabilities) => found.push(logProbabilities));
    return found;
  } finally {
    await sequence.close();
  }
}

/** What follows the context; its last token is evaluated once more, as after loading. */
async function generated(sequence: EngineSequence): Promise<string> {
  const { tokens } = await sequence.generate({ maxTokens: VERIFIED_TOKENS - 2, stopAtEnd: false });
  return String(tokens);
}

async function verifyRaw(engine: Engine, tokens: Uint32Array, pieces: readonly KvPlanes[], expected: string) {
  const sequence = await loaded(engine, tokens, pieces, VERIFIED_TOKENS);
  try {
    const got = await generated(sequence);
    if (got !== expected) throw new Error(`raw planes generate ${got}, the text ${expected}`);
  } finally {
    await sequence.close();
  }
}

/** The planes that int8 stands for, proved to be what the quality bench judges. */
function unpackAll(packed: Uint8Array<ArrayBuffer>, pieces: readonly KvPlanes[]): KvPlanes[] {
  let at = 0;
  const unpacked = pieces.map((piece, index) => {
    const judged = integerQuantized(piece, 8);
    const end = at + judged.bytes;
    const planes = unpackInt8(packed.slice(at, end), piece);
    at = end;
    const values = asFloat16(judged.planes);
    if (asFloat16(planes).some((value, i) => value !== values[i]))
      // 0 equals -0
      throw new Error(`int8 of chunk ${index} is not what the quality bench judges`);
    return planes;
  });
  if (at !== packed.length) throw new Error(`int8 has ${packed.length} bytes, ${at} were judged`);
  return unpacked;
}

function asFloat16({ data }: KvPlanes): Float16Array {
  return new Float16Array(data.buffer, data.byteOffset, data.length);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
