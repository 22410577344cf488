import { type EdgeAccess, fetchManifest, openContext, type Profiles } from '../../../src/client/index.ts';
import type { Engine, EngineSequence, KvPlanes } from '../../../src/engine/index.ts';
import { slicePlanes } from '../../../src/engine/planes.ts';
import { CHUNK_TOKENS } from '../../../src/protocol/limits.ts';
import { integerQuantized } from '../../quality/baselines/integer.ts';
import { packInt8, unpackInt8 } from './int8.ts';
import type { Payloads } from './links.ts';

/** One context, in every form that is timed. */
export interface Subject {
  engine: Engine;
  profiles: Profiles;
  access: EdgeAccess;
  id: string;
  tokens: Uint32Array;
  /** What describes a chunk's planes beside their values. */
  chunks: Omit<KvPlanes, 'data'>[];
  payloads: Payloads;
  /** Of the text, without any transfer. */
  evaluateMs: number;
  /** Of the chunks at `standard`. */
  ladderBytes: number;
}

export const LEVEL = 'standard';
/** Tokens whose equality shows that a path gives the cache that the text gives. */
const VERIFIED_TOKENS = 16;

export interface SubjectOptions {
  engine: Engine;
  profiles: Profiles;
  access: EdgeAccess;
  id: string;
  tokens: Uint32Array;
}

/**
 * Evaluates the text once, which also measures it, and makes every other form of its cache. Throws unless the raw path generates
 * exactly what the text does, int8 unpacks to what the quality bench judges, and the published context loads.
 */
export async function prepareSubject(options: SubjectOptions): Promise<Subject> {
  const { engine, profiles, access, id, tokens } = options;
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
  verifyInt8(int8, pieces);
  await verifyRaw(engine, tokens, pieces, expected);

  const manifest = await fetchManifest(access, id);
  const opened = await openContext({ ...access, id, engine, profiles, level: LEVEL, extraTokens: 8 });
  if (String(opened.sequence.tokens) !== String(tokens))
    throw new Error('the published context has other tokens');
  await opened.sequence.close();
  const ladderBytes = manifest.chunks.reduce(
    (sum, { levels }) => sum + levels.find(({ name }) => name === LEVEL)!.bytes,
    0,
  );
  return { ...options, chunks, payloads: { text, raw, int8 }, evaluateMs, ladderBytes };
}

/** What follows the context; its last token is evaluated once more, as after loading. */
async function generated(sequence: EngineSequence): Promise<string> {
  const { tokens } = await sequence.generate({ maxTokens: VERIFIED_TOKENS - 2, stopAtEnd: false });
  return String(tokens);
}

async function verifyRaw(engine: Engine, tokens: Uint32Array, pieces: readonly KvPlanes[], expected: string) {
  const sequence = await engine.openSequence({ capacityTokens: tokens.length + VERIFIED_TOKENS });
  try {
    await sequence.loadPlanes(tokens, pieces);
    const got = await generated(sequence);
    if (got !== expected) throw new Error(`raw planes generate ${got}, the text ${expected}`);
  } finally {
    await sequence.close();
  }
}

function verifyInt8(packed: Uint8Array<ArrayBuffer>, pieces: readonly KvPlanes[]): void {
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    const judged = integerQuantized(piece, 8);
    const end = at + judged.bytes;
    const unpacked = unpackInt8(packed.slice(at, end), piece);
    at = end;
    const values = asFloat16(judged.planes);
    if (asFloat16(unpacked).some((value, i) => value !== values[i]))
      // 0 equals -0
      throw new Error(`int8 of chunk ${index} is not what the quality bench judges`);
  }
  if (at !== packed.length) throw new Error(`int8 has ${packed.length} bytes, ${at} were judged`);
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
