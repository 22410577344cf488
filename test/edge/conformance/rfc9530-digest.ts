import { expect } from 'vitest';
import { type Answer, get, type HttpCase, type Subject } from './case.ts';

async function expectDigest({ headers }: Answer, { bytes }: Subject): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  expect(headers.get('repr-digest')).toBe(`sha-256=:${btoa(String.fromCharCode(...digest))}:`);
}

const digested = (name: string, headers: Record<string, string>, method = 'GET'): HttpCase => ({
  name,
  run: async (send, subject) => expectDigest(await send({ path: subject.path, headers, method }), subject),
});

/** RFC 9530 (digest fields). */
export const digestCases: HttpCase[] = [
  digested('3: Repr-Digest is that of the representation', {}),
  digested('3: of all of it even in a 206', { range: 'bytes=3-9' }),
  digested('3.1: and in the answer to HEAD', {}, 'HEAD'),
  digested('4: a preference for what is not offered is ignored', { 'want-repr-digest': 'sha-512=10' }),
  get(
    'B: no Content-Digest is claimed for a part',
    () => ({ range: 'bytes=3-9' }),
    ({ headers }) => expect(headers.has('content-digest')).toBe(false),
  ),
];
