import { EventSourceParserStream } from 'eventsource-parser/stream';
import { JobEvent, JobStatus, type PublishRequest } from '../protocol/api.ts';
import { LIMITS } from '../protocol/limits.ts';
import { Manifest } from '../protocol/manifest.ts';
import { ClientError } from './errors.ts';
import { type EdgeAccess, request, requestJson } from './http.ts';
import { piecesOf } from './read-stream.ts';

export interface Publication {
  id: string;
  /** Null when the context is published already. */
  status: JobStatus | null;
}

/**
 * Asks for a context to be computed and published; idempotent by content. Needs a token with the scope `publish`. Resolves at
 * once: `id` is the context's if it is published already, else its job's, which the edge takes in the context's stead;
 * `followContext` turns it into the context's.
 */
export async function submitContext(access: EdgeAccess, body: PublishRequest): Promise<Publication> {
  const { value } = await requestJson(access, 'v1/contexts', Manifest.or(JobStatus), LIMITS.manifestBytes, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return 'state' in value ? { id: value.id, status: value } : { id: value.id, status: null };
}

/**
 * Like `submitContext`, but waits until an origin has tokenized the text, which fixes the id of the context.
 * Throws `ClientError` `edge-refused` when the request cannot be met.
 */
export async function publishContext(access: EdgeAccess, body: PublishRequest): Promise<Publication> {
  const { id: job, status } = await submitContext(access, body);
  if (status === null) return { id: job, status };
  const known = new AbortController();
  let id = status.contextId;
  const signal = AbortSignal.any([known.signal, ...(access.signal === undefined ? [] : [access.signal])]);
  try {
    if (id === null) {
      await followContext({ ...access, signal }, job, (event) => {
        if (event.type !== 'tokenized' && event.type !== 'published') return;
        id = event.id;
        known.abort(new Error('the id is known'));
      });
    }
  } catch (error) {
    if (error instanceof ClientError && error.code === 'context-failed') {
      throw new ClientError('edge-refused', error.message, {
        cause: error,
        ...(error.problemCode !== undefined && { problemCode: error.problemCode }),
      });
    }
    if (id === null || access.signal?.aborted) throw error;
  }
  return { id: id as string, status };
}

/**
 * Follows a context, or the job that makes one, until it is published, reconnecting where the events broke off. Resolves with
 * the context's id.
 * Throws `ClientError` `context-failed` when its computation failed.
 */
export async function followContext(
  access: EdgeAccess,
  id: string,
  onEvent?: (event: JobEvent) => void,
): Promise<string> {
  let lastId: string | undefined;
  return request(
    access,
    `v1/contexts/${id}/events`,
    () => ({
      headers: { accept: 'text/event-stream', ...(lastId !== undefined && { 'last-event-id': lastId }) },
    }),
    async (response) => {
      const messages = response.body
        ?.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array<ArrayBuffer>>)
        .pipeThrough(new EventSourceParserStream());
      for await (const message of piecesOf(messages)) {
        const event = eventOf(message.data);
        lastId = message.id ?? lastId;
        onEvent?.(event);
        if (event.type === 'published') return event.id;
        if (event.type === 'failed') {
          throw new ClientError('context-failed', `${event.code}: ${event.detail}`, {
            problemCode: event.code,
          });
        }
      }
      throw new TypeError('the event stream ended early'); // tried again, from where it ended
    },
  );
}

function eventOf(data: string): JobEvent {
  try {
    return JobEvent.parse(JSON.parse(data));
  } catch (cause) {
    throw new ClientError('edge-answer-invalid', 'an event of the context is not as expected', { cause });
  }
}
