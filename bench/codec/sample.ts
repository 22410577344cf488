import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KvPlanes, slicePlanes } from '../../src/engine/index.ts';
import { openLlamaEngine, resolveModelPath } from '../../src/engine/llama/index.ts';
import { CHUNK_TOKENS } from '../../src/protocol/limits.ts';
import { documents } from '../quality/documents.ts';
import { type Raw, timeStage } from './stages.ts';

/** Real planes of one document. */
export interface Sample {
  document: string;
  chunks: KvPlanes[];
  tokens: number;
}

/** Threads of prefill, and of the native codec where it is compared with that. */
export const THREADS = 2;

/** Prefills the first tokens of a document `rounds` times on `THREADS` threads, timed as `prefill`. */
export async function takeSample(
  model: string,
  document: string,
  tokenCount: number,
  rounds: number,
  raw: Raw,
): Promise<Sample> {
  const found = documents().find(({ name }) => name === document);
  if (!found) throw new Error(`no document ${document}; have ${documents().map(({ name }) => name)}`);
  const engine = await openLlamaEngine({ modelPath: await resolveModelPath(model), threads: THREADS });
  const sequence = await engine.openSequence({ capacityTokens: tokenCount });
  const tokens = engine.tokenize(found.text).subarray(0, tokenCount);
  for (let round = 0; round < rounds; round++) {
    await sequence.clear();
    await timeStage(raw, 'prefill', () => sequence.prefill(tokens));
  }
  const planes = await sequence.readPlanes();
  await engine.close();
  const chunks: KvPlanes[] = [];
  for (let start = 0; start < tokens.length; start += CHUNK_TOKENS) {
    chunks.push(slicePlanes(planes, { start, end: Math.min(start + CHUNK_TOKENS, tokens.length) }));
  }
  return { document, chunks, tokens: tokens.length };
}

/** Calls `use` with a file of each chunk's planes, which are gone afterwards. */
export async function withPlaneFiles<T>(
  chunks: KvPlanes[],
  use: (paths: string[]) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'kvedge-bench-'));
  try {
    const paths = chunks.map((_, index) => join(folder, `${index}.planes`));
    chunks.forEach(({ data }, index) => {
      writeFileSync(paths[index] as string, bytesOf(data));
    });
    return await use(paths);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function bytesOf(data: Uint16Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
