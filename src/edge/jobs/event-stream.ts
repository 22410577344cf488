import type { JobEvent } from '../../protocol/api.ts';
import type { Changes } from './changes.ts';
import { isPending } from './job-record.ts';
import type { JobStorage } from './job-storage.ts';

const KEEP_ALIVE_MS = 15_000;

interface EventSource {
  stored: JobStorage;
  changes: Changes;
  /** The events of the job that this one turned out to be. */
  eventsOf: (leader: string, afterSeq: number) => Promise<ReadableStream | null>;
}

/** One message of an event stream (HTML standard, section 9.2). */
export function sseMessage(event: JobEvent, seq?: number): string {
  const id = seq === undefined ? '' : `id: ${seq}\n`;
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Events after `afterSeq`, as they happen, until the job is settled; a comment when it is quiet for long. */
export function eventStream(afterSeq: number, { stored, changes, eventsOf }: EventSource): ReadableStream {
  const encoder = new TextEncoder();
  let seq = afterSeq;
  let leading: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      for (;;) {
        const { leader } = stored;
        if (leader !== undefined && leading === undefined) {
          // A number beyond this job's own events is one of the leader's, told in an earlier stream.
          const ownSeq = stored.events(0).at(-1)?.seq ?? 0;
          leading = (await eventsOf(leader, seq > ownSeq ? seq : 0))?.getReader();
        }
        if (leading !== undefined) {
          const { done, value } = await leading.read();
          return done ? controller.close() : controller.enqueue(value);
        }
        // What happens from here on is not missed: `changes` is asked before the store.
        const changed = changes.next(KEEP_ALIVE_MS);
        const events = stored.events(seq);
        const { job } = stored;
        if (events.length > 0) {
          seq = events.at(-1)!.seq;
          const text = events.map((one) => sseMessage(one.event, one.seq)).join('');
          controller.enqueue(encoder.encode(text));
        }
        if (job === undefined || !isPending(job)) return controller.close();
        if (events.length > 0) return;
        if (!(await changed)) return controller.enqueue(encoder.encode(': still here\n\n'));
      }
    },
    async cancel(reason) {
      await leading?.cancel(reason);
    },
  });
}
