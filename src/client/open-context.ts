import { EngineError } from '../engine/errors.ts';
import type { Engine, EngineSequence, KvPlanes } from '../engine/index.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { bestCodec } from './best-codec.ts';
import { type ContextChunksOptions, contextChunks } from './context-chunks.ts';
import { ClientError } from './errors.ts';
import { Profiles } from './profiles.ts';
import { type LoadReport, Meter } from './report.ts';
import type { StreamOptions } from './stream/begin-stream.ts';
import { openByDeadline } from './stream/open-by-deadline.ts';
import { verifyModel } from './verify.ts';

export interface OpenContextOptions
  extends Omit<ContextChunksOptions, 'checkManifest'>,
    Partial<Pick<StreamOptions, 'deadlineMs' | 'mbitPerSecond' | 'speeds'>> {
  engine: Engine;
  /** Tokens the sequence can take after the context. Default 1024. */
  extraTokens?: number;
}

export interface OpenedContext {
  /** Holds the context's KV; generation goes on from there. Close it. */
  sequence: EngineSequence;
  manifest: Manifest;
  report: LoadReport;
}

const DEFAULT_EXTRA_TOKENS = 1024;

/**
 * Fetches a context's KV from an edge and loads it into a new sequence of the engine: no prefill. Everything is verified
 * against the context id and decoded before the engine sees a byte.
 *
 * With `deadlineMs` every chunk comes at the level, or as the text, that makes the whole as good as can be by then
 * (docs/streaming.md); else all come at `level`.
 *
 * Throws `ClientError`; on an abort, the signal's reason.
 */
export async function openContext(options: OpenContextOptions): Promise<OpenedContext> {
  const { deadlineMs, extraTokens = DEFAULT_EXTRA_TOKENS } = options;
  if (deadlineMs === undefined) return openAtLevel(options);
  if (options.level !== undefined) throw new TypeError('give "level" or "deadlineMs", not both');
  return openByDeadline({ ...options, deadlineMs, extraTokens });
}

async function openAtLevel(options: OpenContextOptions): Promise<OpenedContext> {
  const meter = new Meter();
  const profiles = options.profiles ?? new Profiles(options.codec ?? (await bestCodec()));
  try {
    const chunks: KvPlanes[] = [];
    const tokens: number[] = [];
    let manifest: Manifest | undefined;
    let level = '';
    const source = {
      ...options,
      profiles,
      checkManifest: (candidate: Manifest) => verifyModel(candidate, options.engine.model),
    };
    for await (const chunk of contextChunks(source, meter)) {
      ({ manifest, level } = chunk);
      chunks.push(chunk.planes);
      for (const token of chunk.tokens) tokens.push(token);
    }
    const sequence = await meter.time('load', () => load(options, Uint32Array.from(tokens), chunks));
    return {
      sequence,
      manifest: manifest as Manifest,
      report: {
        level,
        levels: chunks.map(() => level),
        backend: profiles.codec.backend,
        bytes: meter.bytes,
        stageMs: meter.stageMs,
        totalMs: meter.totalMs,
      },
    };
  } finally {
    if (options.profiles === undefined) profiles.close();
  }
}

async function load(options: OpenContextOptions, tokens: Uint32Array, chunks: readonly KvPlanes[]) {
  const { engine, signal, extraTokens = DEFAULT_EXTRA_TOKENS } = options;
  signal?.throwIfAborted();
  let sequence: EngineSequence | undefined;
  try {
    sequence = await engine.openSequence({ capacityTokens: tokens.length + extraTokens });
    await sequence.loadPlanes(tokens, chunks);
    return sequence;
  } catch (cause) {
    await sequence?.close();
    if (!(cause instanceof EngineError)) throw cause;
    throw new ClientError('engine-failed', `the engine refused the context: ${cause.message}`, { cause });
  }
}
