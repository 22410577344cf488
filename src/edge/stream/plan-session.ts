import { adaptive, type EngineSpeed, outlineOf, Session } from '../../client/controller/index.ts';
import { NO_ENGINE } from '../../client/controller/no-engine.ts';
import { CHUNK_TOKENS } from '../../protocol/limits.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { ProblemError } from '../../protocol/problems.ts';
import type { StreamQuery } from './query.ts';

const DEFAULT_DECODE_MS = 30;
const DEFAULT_ROUND_TRIP_MS = 50;
/** Putting decoded KV into the engine. */
const LOAD = { loadFixedMs: 5, loadMsPerToken: 0.05 };
/** A token costs this much more per token before it. */
const GROWTH_PER_POSITION = 1.5e-4;
const TEXT_BATCH_TOKENS = 64;

/** The planner for a client that is what its query says. Throws `bad-request` if it claims bytes that do not exist. */
export function sessionFor(manifest: Manifest, query: StreamQuery, tokenBytes: number): Session {
  const { deadlineMs, mbitPerSecond, roundTripMs = DEFAULT_ROUND_TRIP_MS, decodeMs, have = [] } = query;
  const session = new Session({
    outline: outlineOf(
      manifest.chunks.map(({ tokenCount, levels }) => {
        let kld = Number.POSITIVE_INFINITY;
        return {
          tokenCount,
          levels: levels.map(({ bytes, predictedKld }) => {
            kld = Math.min(kld, predictedKld);
            return { bytes, kld, decodeMs: ((decodeMs ?? DEFAULT_DECODE_MS) * tokenCount) / CHUNK_TOKENS };
          }),
        };
      }),
      engineOf(query),
    ),
    strategy: adaptive,
    deadlineMs,
    roundTripMs,
    tokenBytes,
    ...(mbitPerSecond !== undefined && { priorBytesPerMs: (mbitPerSecond * 1000) / 8 }),
  });
  if (have.length > manifest.chunks.length)
    throw new ProblemError(
      'bad-request',
      `have: the context has ${manifest.chunks.length} chunks, not ${have.length}`,
    );
  for (const [chunk, bytes] of have.entries()) {
    const most = manifest.chunks[chunk]!.levels.at(-1)!.bytes;
    if (bytes > most)
      throw new ProblemError('bad-request', `have: chunk ${chunk} has ${most} bytes, not ${bytes}`);
    session.progress[chunk]!.receivedBytes = bytes;
    session.progress[chunk]!.requestedBytes = bytes;
  }
  return session;
}

function engineOf({ textTokensPerSecond }: StreamQuery): EngineSpeed {
  if (textTokensPerSecond === undefined) return { ...NO_ENGINE, ...LOAD };
  const prefillMsPerToken = 1000 / textTokensPerSecond;
  return {
    ...LOAD,
    prefillMsPerToken,
    prefillMsPerTokenPerPosition: prefillMsPerToken * GROWTH_PER_POSITION,
    batchTokens: TEXT_BATCH_TOKENS,
  };
}
