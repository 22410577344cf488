import type { JobEvent, JobStatus } from '../../protocol/api.ts';

export interface JobState {
  /** Share of the work that is done: prefill is the first half, chunks the second. */
  done: number;
  message: string;
  ended: boolean;
}

/** What is known of a job before its first event. */
export function jobBefore({ state, chunksDone, chunksTotal }: JobStatus): JobState {
  return chunksDone > 0
    ? jobAfter(null, { type: 'chunk', chunksDone, chunksTotal })
    : { done: 0, message: state === 'queued' ? 'Queued' : 'Running', ended: false };
}

/** A job after an event. It never goes back: after a restart the origin tells again what it does anew. */
export function jobAfter(before: JobState | null, event: JobEvent): JobState {
  const least = before?.done ?? 0;
  switch (event.type) {
    case 'tokenized':
      return {
        done: least,
        message: `${event.tokenCount} tokens in ${event.chunksTotal} chunks`,
        ended: false,
      };
    case 'prefilled':
      return {
        done: Math.max(least, event.tokensDone / event.tokenCount / 2),
        message: `Prefilled ${event.tokensDone} of ${event.tokenCount} tokens`,
        ended: false,
      };
    case 'chunk':
      return {
        done: Math.max(least, (1 + event.chunksDone / event.chunksTotal) / 2),
        message: `Chunk ${event.chunksDone} of ${event.chunksTotal} encoded`,
        ended: false,
      };
    case 'published':
      return { done: 1, message: 'Published', ended: true };
    case 'failed':
      return { done: least, message: `Failed with ${event.code}: ${event.detail}`, ended: true };
  }
}
