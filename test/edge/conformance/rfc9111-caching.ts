import { expect } from 'vitest';
import { get, type HttpCase } from './case.ts';

/** RFC 9111 (caching), RFC 8246 (immutable). */
export const cachingCases: HttpCase[] = [
  get(
    '5.2.2: Cache-Control lets every cache keep what never changes',
    () => ({}),
    ({ headers }) => {
      const directives = headers.get('cache-control')!.split(/ *, */);
      for (const name of ['public', 'max-age=31536000', 'immutable', 'no-transform']) {
        expect(directives).toContain(name);
      }
    },
  ),
  get(
    '4.3.4: 304 repeats Cache-Control, so that it freshens',
    (s) => ({ 'if-none-match': s.etag }),
    ({ headers }) => expect(headers.get('cache-control')).toContain('max-age=31536000'),
  ),
  {
    name: '5.1: an answer from a cache has its Age, in whole seconds',
    run: async (send, { path }) => {
      await send({ path });
      const { headers } = await send({ path });
      expect(headers.get('age')).toMatch(/^\d+$/);
    },
  },
  {
    name: '4.2.3: Age grows',
    run: async (send, { path }) => {
      const first = await send({ path });
      await new Promise((resolve) => setTimeout(resolve, 1100));
      const second = await send({ path });
      expect(Number(second.headers.get('age'))).toBeGreaterThan(Number(first.headers.get('age')));
    },
  },
  {
    name: '3: an error that may pass is not kept: Cache-Control on 404',
    run: async (send, { missingPath }) => {
      const { status, headers } = await send({ path: missingPath });
      expect([status, headers.get('cache-control')]).toEqual([404, 'no-store']);
    },
  },
  {
    name: '3: nor on 416, 412 and 405',
    run: async (send, { path, bytes }) => {
      for (const request of [
        { path, headers: { range: `bytes=${bytes.length}-` } },
        { path, headers: { 'if-match': '"another"' } },
        { path, method: 'DELETE' },
      ]) {
        expect((await send(request)).headers.get('cache-control')).toBe('no-store');
      }
    },
  },
  get(
    '5.2.1.4: no-cache of a client is obeyed or harmless: the bytes never change',
    () => ({ 'cache-control': 'no-cache' }),
    (a, s) => {
      expect(a.status).toBe(200);
      expect(a.headers.get('etag')).toBe(s.etag);
    },
  ),
];
