import type { ChunkOption } from '../../src/client/controller/index.ts';
import { Capacity } from './capacity.ts';
import type { Trace } from './trace.ts';
import type { Workload } from './workload.ts';

export interface OracleAnswer {
  meets: boolean;
  /** Least loss of any plan that could meet the deadline; null if none. */
  loss: number | null;
}

/**
 * A bound that no strategy can beat, from the whole trace and the true speeds. For every number of KV chunks:
 *
 * - what decoding, loading and evaluating must follow the last byte is taken off the deadline, at their least (one chunk
 *   decoded at the coarsest level);
 * - everything the link can carry by then arrives, and arrives without a gap, in whatever order suits;
 * - all chunks but the one that arrives first decode for nothing, the decoder is only asked for their sum;
 * - the bytes are spent on whole levels as well as can be: every number of chunks at every level is tried.
 *
 * Each of these only helps, so a miss here is a miss for everyone, and the loss is a lower bound.
 */
export function oracle(trace: Trace, workload: Workload): OracleAnswer {
  const { truth, deadlineMs, tokenBytes } = workload;
  const capacity = new Capacity(trace);
  if (capacity.until(tokenBytes) + truth.prefillMs[0]! <= deadlineMs) return { meets: true, loss: 0 };
  let loss: number | null = null;
  let decodeMs = 0;
  let leastDecodeMs = Number.POSITIVE_INFINITY;
  for (let k = 1; k <= truth.chunks.length; k++) {
    const [coarsest] = truth.chunks[k - 1]!.levels;
    decodeMs += coarsest!.decodeMs;
    leastDecodeMs = Math.min(leastDecodeMs, coarsest!.decodeMs);
    const endMs = deadlineMs - truth.loadMs[k]! - truth.prefillMs[k]!;
    if (endMs - leastDecodeMs <= 0 || capacity.until(tokenBytes) + decodeMs > endMs) continue;
    const bytes = capacity.at(endMs - leastDecodeMs) - tokenBytes;
    const least = leastLoss(truth.chunks.slice(0, k), bytes);
    if (least !== null && (loss === null || least < loss)) loss = least;
  }
  return { meets: loss !== null, loss: loss === null ? null : loss / truth.tokenCount };
}

/** Least sum of tokens x KLD of chunks within `bytes`; null if they do not fit. All but the last have the same levels. */
function leastLoss(chunks: readonly ChunkOption[], bytes: number): number | null {
  const [first, last] = [chunks[0]!, chunks.at(-1)!];
  let least: number | null = null;
  for (const { bytes: lastBytes, kld } of last.levels) {
    const others = leastLossOfEqual(first, chunks.length - 1, bytes - lastBytes);
    if (others === null) continue;
    const loss = others + kld * last.tokenCount;
    if (least === null || loss < least) least = loss;
  }
  return least;
}

function leastLossOfEqual({ levels, tokenCount }: ChunkOption, count: number, bytes: number): number | null {
  const coarsest = levels[0]!;
  const spare = bytes - count * coarsest.bytes;
  if (spare < 0) return null;
  let gain = 0;
  const spend = (level: number, left: number, chunksLeft: number, gained: number): void => {
    const { bytes: size, kld } = levels[level]!;
    const fits = Math.min(chunksLeft, Math.floor(left / (size - coarsest.bytes)));
    const more = coarsest.kld - kld;
    if (level === 1) gain = Math.max(gain, gained + fits * more);
    else
      for (let taken = 0; taken <= fits; taken++)
        spend(level - 1, left - taken * (size - coarsest.bytes), chunksLeft - taken, gained + taken * more);
  };
  spend(levels.length - 1, spare, count, 0);
  return (count * coarsest.kld - gain) * tokenCount;
}
