import { createMiddleware } from 'hono/factory';
import { LIMITS } from '../../protocol/limits.ts';
import { ProblemError } from '../../protocol/problems.ts';
import type { AppEnv } from '../env.ts';

type LimitName = 'requestBytes' | 'chunkBytes' | 'profileBytes';

/**
 * The size that the client announces. Throws `length-required` without one and `too-large` above the limit, before a byte
 * of the body is read. The runtime sees to it that the body has exactly that size.
 */
export function announcedBytes(request: Request, limit: LimitName): number {
  const header = request.headers.get('content-length');
  if (header === null || !/^\d+$/.test(header)) {
    throw new ProblemError('length-required', 'expected a Content-Length header');
  }
  const bytes = Number(header);
  if (bytes > LIMITS[limit]) throw tooLarge(bytes, limit);
  return bytes;
}

function tooLarge(bytes: number, limit: LimitName): ProblemError {
  return new ProblemError('too-large', `the body has ${bytes} bytes, ${limit} allows ${LIMITS[limit]}`);
}

/** Checks a JSON request before it is read: its type, and its size whether announced or not. */
export const jsonBody = createMiddleware<AppEnv>(async (c, next) => {
  const type = c.req.header('content-type') ?? '';
  if (!/^application\/json[ \t]*(;|$)/i.test(type)) {
    throw new ProblemError('unsupported-media-type', 'expected content-type application/json');
  }
  const announced = c.req.header('content-length');
  if (announced !== undefined) announcedBytes(c.req.raw, 'requestBytes');
  else if (c.req.raw.body !== null) c.req.raw = await readUnannounced(c.req.raw);
  await next();
});

/** A body of unknown size, read up to the limit. */
async function readUnannounced(request: Request): Promise<Request> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body as ReadableStream<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > LIMITS.requestBytes) throw tooLarge(bytes, 'requestBytes');
    parts.push(part);
  }
  return new Request(request.url, {
    method: request.method,
    headers: request.headers,
    body: await new Blob(parts).arrayBuffer(),
  });
}
