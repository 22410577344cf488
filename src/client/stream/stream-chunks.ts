import type { KvPlanes } from '../../engine/index.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import type { EngineSpeed } from '../controller/index.ts';
import { Meter } from '../report.ts';
import { beginStream, type StreamOptions, withProfiles } from './begin-stream.ts';

export interface StreamChunksOptions extends StreamOptions {
  /** How fast your engine evaluates text. Default: it cannot, and every chunk comes as KV. */
  engineSpeed?: EngineSpeed;
}

export interface StreamedChunk {
  index: number;
  chunksTotal: number;
  tokens: Uint32Array;
  /** Null: evaluate the tokens, after the KV of every chunk before. From the first such chunk on all are. */
  kv: { level: string; planes: KvPlanes } | null;
  manifest: Manifest;
}

/**
 * The chunks of a context in order, for engines of your own: each as verified KV at the level that fits the deadline, or as text
 * to evaluate. They come once all levels are settled. See `openContext`.
 *
 * Throws `ClientError`; on an abort, the signal's reason.
 */
export async function* streamChunks(options: StreamChunksOptions): AsyncGenerator<StreamedChunk, void, void> {
  const meter = new Meter();
  const over = new AbortController();
  const signals = options.signal === undefined ? [over.signal] : [options.signal, over.signal];
  const access = { ...options, signal: AbortSignal.any(signals) };
  try {
    yield* await withProfiles(options, async (profiles) => {
      const speed = Promise.resolve(options.engineSpeed ?? null);
      const begun = await beginStream(options, access, profiles, speed, meter);
      const { planes, kvLevels } = await begun.start(null).run().finally(begun.close);
      const tokens = await begun.tokens;
      const { manifest, levelNames } = begun;
      let position = 0;
      return manifest.chunks.map(({ tokenCount }, index): StreamedChunk => {
        const own = tokens.subarray(position, position + tokenCount);
        position += tokenCount;
        const level = levelNames[index]![kvLevels[index] ?? -1];
        const kv = level === undefined ? null : { level, planes: planes[index] as KvPlanes };
        return { index, chunksTotal: manifest.chunks.length, tokens: own, kv, manifest };
      });
    });
  } finally {
    over.abort(new Error('the context is here'));
  }
}
