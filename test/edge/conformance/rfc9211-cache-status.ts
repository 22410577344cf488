import { expect } from 'vitest';
import type { HttpCase } from './case.ts';

/** A structured list of one cache with its parameters (RFC 8941), as far as this field uses them. */
const MEMBER = /^kvedge(; (hit|stored|fwd=(uri-miss|stale)|ttl=-?\d+|detail=[a-z.-]+))+$/;

/** RFC 9211 (Cache-Status). */
export const cacheStatusCases: HttpCase[] = [
  {
    name: '2: the field is a list of caches with parameters',
    run: async (send, { path }) => {
      for (const headers of [{}, { range: 'bytes=0-0' }, { 'if-none-match': '*' }]) {
        expect((await send({ path, headers })).headers.get('cache-status')).toMatch(MEMBER);
      }
    },
  },
  {
    name: '2.1: hit, and never together with fwd (2.2)',
    run: async (send, { path }) => {
      await send({ path });
      const status = (await send({ path })).headers.get('cache-status')!;
      expect(status).toMatch(/; hit/);
      expect(status).not.toMatch(/fwd=/);
    },
  },
];
