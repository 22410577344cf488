import { expect } from 'vitest';
import { expectWhole, get, type HttpCase } from './case.ts';

const SAME_FOR_HEAD = [
  'accept-ranges',
  'cache-control',
  'content-length',
  'content-type',
  'etag',
  'last-modified',
];

/** RFC 9110: methods (section 9), representation metadata (section 8), statuses (section 15). */
export const messageCases: HttpCase[] = [
  get('9.3.1: GET gives the representation', () => ({}), expectWhole),
  {
    name: '9.3.2: HEAD has the header fields of GET and no content',
    run: async (send, { path }) => {
      const [got, head] = [await send({ path }), await send({ path, method: 'HEAD' })];
      expect(head.status).toBe(200);
      expect(head.body.length).toBe(0);
      for (const name of SAME_FOR_HEAD) expect(head.headers.get(name), name).toBe(got.headers.get(name));
    },
  },
  {
    name: '9.3.2: HEAD of nothing is 404 without content',
    run: async (send, { missingPath }) => {
      const { status, body } = await send({ path: missingPath, method: 'HEAD' });
      expect([status, body.length]).toEqual([404, 0]);
    },
  },
  get(
    '8.8.3: the entity tag is strong and quoted',
    () => ({}),
    ({ headers }) => expect(headers.get('etag')).toMatch(/^"[\x21\x23-\x7e]+"$/),
  ),
  get(
    '8.8.2: Last-Modified is an HTTP-date and not in the future',
    () => ({}),
    ({ headers }) => {
      const modified = headers.get('last-modified')!;
      expect(new Date(modified).toUTCString()).toBe(modified);
      expect(Date.parse(modified)).toBeLessThanOrEqual(Date.parse(headers.get('date')!));
    },
  ),
  get(
    '6.6.1: Date is an HTTP-date',
    () => ({}),
    ({ headers }) => {
      const date = headers.get('date')!;
      expect(new Date(date).toUTCString()).toBe(date);
    },
  ),
  get(
    '8.3: Content-Type',
    () => ({}),
    ({ headers }) => expect(headers.get('content-type')).toBe('application/vnd.kvedge.chunk'),
  ),
  {
    name: '15.5.6: 405 names the methods in Allow',
    run: async (send, { path }) => {
      const { status, headers } = await send({ path, method: 'DELETE' });
      expect(status).toBe(405);
      expect(headers.get('allow')).toMatch(/\bGET\b/);
    },
  },
  {
    name: '12.5.5: no Vary where nothing varies',
    run: async (send, { path }) => {
      const plain = await send({ path });
      const other = await send({
        path,
        headers: { 'accept-language': 'de', 'user-agent': 'x', accept: 'a/b' },
      });
      expect(other.headers.get('etag')).toBe(plain.headers.get('etag'));
      expect(plain.headers.get('vary')).toBe(null);
    },
  },
];
