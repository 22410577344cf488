import { type Decision, type Fetch, levelWithin, type Strategy, type View } from './model.ts';

/**
 * CacheGen's rule (Liu et al., SIGCOMM '24, section 5.3 and algorithm 1), the baseline. One chunk at a time:
 *
 *     if evaluating all remaining chunks as text fits the time left: text
 *     else the finest level at which all remaining chunks fit, if the link keeps the throughput of the last chunk
 *     if none fits, the coarsest
 *
 * The first chunk uses what is known of the link from before, or without that a medium level. Three things are kinder than the
 * paper: what is still on its way counts as remaining, so does loading, and a choice of text is reconsidered until it is acted on.
 */
export const cachegenRule: Strategy = (view) => {
  const { chunks } = view.outline;
  const next = view.progress.findIndex((chunk) => chunk.requestedBytes === 0);
  if (next === -1) return inOrder(view, chunks.length, null);
  const leftMs = view.deadlineMs - view.nowMs;
  if (view.outline.prefillMs[next]! <= leftMs) return inOrder(view, next, null);
  return inOrder(view, chunks.length, { chunk: next, level: levelThatFits(view, next, leftMs) });
};

function levelThatFits(view: View, next: number, leftMs: number): number {
  const { chunks, loadMs } = view.outline;
  const finest = chunks[next]!.levels.length - 1;
  const bytesPerMs = view.rate.lastChunk;
  if (bytesPerMs === null) return finest >> 1;
  for (let level = finest; level > 0; level--) {
    let bytes = onTheWay(view);
    for (const { levels } of chunks.slice(next)) bytes += levels[Math.min(level, levels.length - 1)]!.bytes;
    if (bytes / bytesPerMs + loadMs.at(-1)! <= leftMs) return level;
  }
  return 0;
}

/** One fixed level for every chunk, whatever happens. */
export function fixedLevel(level: number): Strategy {
  return (view) => {
    const next = view.progress.findIndex((chunk) => chunk.requestedBytes === 0);
    return inOrder(view, view.outline.chunks.length, next === -1 ? null : { chunk: next, level });
  };
}

/** All text: nothing is fetched but the token ids. */
export const textOnly: Strategy = (view) => inOrder(view, 0, null);

/** Goes on with what was asked for, adds one chunk, and ends when all of it is here. */
function inOrder(view: View, kvChunks: number, more: Fetch | null): Decision {
  const fetches: Fetch[] = [];
  for (const [chunk, { receivedBytes, requestedBytes }] of view.progress.entries()) {
    const level = view.outline.chunks[chunk]!.levels.findIndex(({ bytes }) => bytes === requestedBytes);
    if (receivedBytes < requestedBytes) fetches.push({ chunk, level });
  }
  if (more !== null) fetches.push(more);
  const final = fetches.length === 0 && view.tokenBytesMissing === 0;
  const kvLevels = view.outline.chunks
    .slice(0, kvChunks)
    .map((chunk, i) => levelWithin(chunk, view.progress[i]!.receivedBytes));
  return {
    fetches,
    kvLevels,
    act: final ? 'load' : 'fetch',
    wakeAtMs: Number.POSITIVE_INFINITY,
    hasMore: more !== null,
  };
}

function onTheWay(view: View): number {
  return view.progress.reduce((sum, chunk) => sum + chunk.requestedBytes - chunk.receivedBytes, 0);
}
