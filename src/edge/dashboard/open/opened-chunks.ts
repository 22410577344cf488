import { type ContextChunksOptions, contextChunks, streamChunks } from '../../../client/index.ts';
import type { KvPlanes } from '../../../engine/index.ts';
import type { OpenRequest } from './messages.ts';

export interface OpenedChunk {
  index: number;
  level: string;
  planes: KvPlanes;
  /** When it was there, on the clock of `performance.now()`. */
  atMs: number;
}

/** The chunks that a request opens, at its level one by one, by its deadline all at once at the levels that it allows. */
export async function* openedChunks(
  { id, level, deadlineMs, token }: OpenRequest,
  rest: Omit<ContextChunksOptions, 'id' | 'level' | 'token'>,
): AsyncGenerator<OpenedChunk, void, void> {
  const options = { ...rest, id, ...(token !== null && { token }) };
  if (deadlineMs === null) {
    for await (const chunk of contextChunks({ ...options, ...(level !== null && { level }) }))
      yield { ...chunk, atMs: performance.now() };
    return;
  }
  let atMs: number | undefined;
  for await (const { index, kv } of streamChunks({ ...options, deadlineMs })) {
    atMs ??= performance.now();
    if (kv === null) throw new Error(`chunk ${index} came as text, which nobody here evaluates`);
    yield { index, ...kv, atMs };
  }
}
