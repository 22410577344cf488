import type { JobEvent, JobStatus } from '../../protocol/api.ts';

export interface JobState {
  /** Share of the tokens that are prefilled. */
  prefilled: number;
  /** Share of the chunks that the edge has, those of an earlier context with the same beginning among them. */
  stored: number;
  message: string;
  ended: boolean;
}

/** What is known of a job before its first event. */
export function jobBefore({ state, chunksDone, chunksTotal }: JobStatus): JobState {
  const message = state === 'queued' ? 'Queued' : 'Running';
  return { prefilled: 0, stored: chunksTotal ? chunksDone / chunksTotal : 0, message, ended: false };
}

/** Share of the work that is done. */
export function doneShare({ prefilled, stored }: JobState): number {
  return (prefilled + stored) / 2;
}

/** A job after an event. It never goes back: after a restart the origin tells again what it does anew. */
export function jobAfter(before: JobState, event: JobEvent): JobState {
  switch (event.type) {
    case 'tokenized':
      return { ...before, message: `${event.tokenCount} tokens in ${event.chunksTotal} chunks` };
    case 'prefilled':
      return {
        ...before,
        prefilled: Math.max(before.prefilled, event.tokensDone / event.tokenCount),
        message: `Prefilled ${event.tokensDone} of ${event.tokenCount} tokens`,
      };
    case 'chunk':
      return {
        ...before,
        stored: Math.max(before.stored, event.chunksDone / event.chunksTotal),
        message: `Chunk ${event.chunksDone} of ${event.chunksTotal} stored`,
      };
    case 'published':
      return { prefilled: 1, stored: 1, message: 'Published', ended: true };
    case 'failed':
      return { ...before, message: `Failed with ${event.code}: ${event.detail}`, ended: true };
  }
}
