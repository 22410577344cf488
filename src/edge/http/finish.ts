import { shareWithBrowsers } from './cors.ts';
import { httpDateNow } from './date.ts';

/** The id under which a request is logged: the client's, if it is one that may be written down. */
export function requestIdOf(headers: Headers): string {
  const sent = headers.get('x-request-id');
  return sent !== null && /^[\w.-]{1,64}$/.test(sent) ? sent : crypto.randomUUID();
}

/** What every answer carries beside what its handler says of it. */
export function finishHeaders(headers: Headers, requestId: string): void {
  headers.set('date', httpDateNow());
  headers.set('x-request-id', requestId);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  shareWithBrowsers(headers);
}
