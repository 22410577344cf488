import { openContext } from '../../../src/client/index.ts';
import { piecesOf } from '../../../src/client/read-stream.ts';
import type { EngineSequence, KvPlanes } from '../../../src/engine/index.ts';
import { valuesPerToken } from '../../../src/engine/planes.ts';
import { unpackInt8 } from './int8.ts';
import type { Links } from './links.ts';
import { LEVEL, type Subject } from './subject.ts';

export const METHODS = ['raw', 'int8', 'cachegen', 'ours'] as const;
export type Method = (typeof METHODS)[number];

export interface TimedMethod {
  name: Method;
  /** That travel. */
  bytes: number;
  /** Milliseconds from the first request to the first token. */
  run: () => Promise<number>;
}

const EXTRA_TOKENS = 8;
const INT8_BYTES_PER_VALUE = 1 + 2 / 32;

/** Text: its transfer, and its evaluation, which was timed once because no link changes it. */
export async function measureText({ evaluateMs }: Subject, { files }: Links): Promise<number> {
  const startMs = performance.now();
  await (await fetch(`${files}text`)).arrayBuffer();
  return performance.now() - startMs + evaluateMs;
}

export function methodsOf(subject: Subject, links: Links): TimedMethod[] {
  const { bytes } = subject;
  return METHODS.map((name) => ({
    name,
    bytes: bytes[name],
    run: () =>
      name === 'raw' || name === 'int8'
        ? loadPlanes(subject, links, name)
        : loadContext(subject, links, name),
  }));
}

/** Planes as one file, each chunk unpacked while the next is on its way. The client knows the tokens. */
async function loadPlanes(subject: Subject, { files }: Links, name: 'raw' | 'int8'): Promise<number> {
  const { engine, tokens, chunks } = subject;
  const startMs = performance.now();
  const sequence = engine.openSequence({ capacityTokens: tokens.length + EXTRA_TOKENS });
  const response = await fetch(`${files}${name}`);
  const bytes = new Uint8Array(Number(response.headers.get('content-length')));
  const planes: KvPlanes[] = [];
  let received = 0;
  let unpacked = 0;
  for await (const piece of piecesOf(response.body)) {
    bytes.set(piece, received);
    received += piece.length;
    for (let chunk = chunks[planes.length]; chunk !== undefined; chunk = chunks[planes.length]) {
      const values = chunk.tokenCount * valuesPerToken(chunk.geometry);
      const size = values * (name === 'raw' ? 2 : INT8_BYTES_PER_VALUE);
      if (unpacked + size > received) break;
      planes.push(
        name === 'raw'
          ? { ...chunk, data: new Uint16Array(bytes.buffer, unpacked, values) }
          : unpackInt8(bytes.subarray(unpacked, unpacked + size), chunk),
      );
      unpacked += size;
    }
  }
  await (await sequence).loadPlanes(tokens, planes);
  return firstTokenMs(await sequence, startMs);
}

/** A published context at one level, through the client: manifest, tokens and chunks, all verified. A profile is loaded already. */
async function loadContext(subject: Subject, { edge }: Links, name: 'cachegen' | 'ours'): Promise<number> {
  const { access, ids, engine, profiles } = subject;
  const startMs = performance.now();
  const { sequence } = await openContext({
    ...access,
    edge,
    id: ids[name],
    engine,
    profiles,
    level: LEVEL,
    extraTokens: EXTRA_TOKENS,
  });
  return firstTokenMs(sequence, startMs);
}

async function firstTokenMs(sequence: EngineSequence, startMs: number): Promise<number> {
  let ms = Number.NaN;
  await sequence.generate({
    maxTokens: 1,
    stopAtEnd: false,
    onToken: () => {
      ms = performance.now() - startMs;
    },
  });
  await sequence.close();
  return ms;
}
