import { expect } from 'vitest';

export interface Request {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

export type Send = (request: Request) => Promise<Answer>;

/** What is asked for, with the validators that this server itself gave it. */
export interface Subject {
  path: string;
  /** A path of the same kind under which nothing is stored. */
  missingPath: string;
  bytes: Uint8Array;
  etag: string;
  lastModified: string;
}

export interface HttpCase {
  /** Section of the RFC, then what it says. */
  name: string;
  run: (send: Send, subject: Subject) => Promise<void>;
}

/** Sends a GET of the subject with headers made from its validators. */
export const get = (
  name: string,
  headers: (subject: Subject) => Record<string, string>,
  check: (answer: Answer, subject: Subject) => void,
  method = 'GET',
): HttpCase => ({
  name,
  run: async (send, subject) => {
    check(await send({ method, path: subject.path, headers: headers(subject) }), subject);
  },
});

/** A date is no strong validator before its second has passed (RFC 9110, section 8.8.2.2). */
const STRONG_AFTER_MS = 2100;

/** Fetches the subject once plainly, to learn its validators, and lets its date become a strong one. */
export async function learn(
  send: Send,
  subject: Pick<Subject, 'path' | 'missingPath' | 'bytes'>,
): Promise<Subject> {
  const { status, headers } = await send({ path: subject.path });
  expect(status).toBe(200);
  const lastModified = headers.get('last-modified')!;
  const waitMs = Date.parse(lastModified) + STRONG_AFTER_MS - Date.now();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, waitMs)));
  return { ...subject, etag: headers.get('etag')!, lastModified };
}

export function expectWhole({ status, headers, body }: Answer, { bytes }: Subject): void {
  expect(status).toBe(200);
  expect(headers.has('content-range')).toBe(false);
  expect(headers.get('content-length')).toBe(String(bytes.length));
  expectBytes(body, bytes);
}

/** Bytes `first..last` as RFC 9110, section 15.3.7.1 wants them. */
export function expectPart(answer: Answer, { bytes }: Subject, first: number, last: number): void {
  expect(answer.status).toBe(206);
  expect(answer.headers.get('content-range')).toBe(`bytes ${first}-${last}/${bytes.length}`);
  expect(answer.headers.get('content-length')).toBe(String(last - first + 1));
  expectBytes(answer.body, bytes.slice(first, last + 1));
}

export function expectStatus(status: number): (answer: Answer) => void {
  return (answer) => expect(answer.status).toBe(status);
}

export function expectNotModified({ status, headers, body }: Answer, { etag }: Subject): void {
  expect(status).toBe(304);
  expect(headers.get('etag')).toBe(etag);
  expect(body.length).toBe(0);
}

/** Large arrays make the runner's own difference unreadable, and slow. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  const same = actual.length === expected.length && actual.every((byte, i) => byte === expected[i]);
  expect(same, `${actual.length} bytes that are the expected ${expected.length}`).toBe(true);
}

/** A date some days from the subject's. */
export function shifted({ lastModified }: Subject, days: number): Date {
  return new Date(Date.parse(lastModified) + days * 86_400_000);
}
