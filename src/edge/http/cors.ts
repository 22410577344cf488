import { cors } from 'hono/cors';

const PREFLIGHT_SECONDS = 86_400;
const EXPOSED = [
  'accept-ranges',
  'age',
  'cache-status',
  'content-length',
  'content-location',
  'content-range',
  'etag',
  'last-modified',
  'location',
  'repr-digest',
  'retry-after',
  'server-timing',
  'x-request-id',
].join(',');

/** Answers the preflights of browsers; every site may read, and send what the API understands. */
export const preflight = cors({
  origin: '*',
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'],
  allowHeaders: [
    'authorization',
    'content-type',
    'if-match',
    'if-modified-since',
    'if-none-match',
    'if-range',
    'if-unmodified-since',
    'last-event-id',
    'prefer',
    'range',
    'x-request-id',
  ],
  maxAge: PREFLIGHT_SECONDS,
});

/**
 * What lets any site read an answer. Set afterwards and not by hono's middleware, which sets headers before there is an answer
 * and so makes hono build every answer twice.
 */
export function shareWithBrowsers(headers: Headers): void {
  headers.set('access-control-allow-origin', '*');
  headers.set('access-control-expose-headers', EXPOSED);
}
