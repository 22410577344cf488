import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { ProblemError } from '../../src/protocol/problems.ts';

/** Demands `Authorization: Bearer <token>`. Digests are compared, so neither content nor length shows in the time taken. */
export function requireBearer(token: string): MiddlewareHandler {
  const expected = digest(token);
  return async (context, next) => {
    const [, given] = /^Bearer +([\x21-\x7e]+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
    if (given === undefined || !timingSafeEqual(digest(given), expected)) {
      throw new ProblemError('unauthorized', 'The origin expects its own bearer token (ORIGIN_TOKEN).', {
        'www-authenticate': 'Bearer',
      });
    }
    await next();
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
