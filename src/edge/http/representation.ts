import { ProblemError } from '../../protocol/problems.ts';
import { decidePrecondition, rangeApplies, type Validators } from './conditional.ts';
import { formatHttpDate } from './date.ts';
import { type ByteRange, decideRange } from './range.ts';

/** One representation of a resource: what a GET without Range would send. */
export interface Representation extends Validators {
  bytes: number;
  /** SHA-256, hexadecimal, where it is known without reading the bytes. */
  sha256: string | undefined;
  contentType: string;
  cacheControl: string;
  /** Path of the resource that always has this representation, when the one asked for chooses among several. */
  contentLocation?: string;
}

/** What to answer: a status, its headers, and which bytes of the representation make the body (null: none). */
export interface Answer {
  status: 200 | 206 | 304;
  headers: Headers;
  range: ByteRange | null;
}

/**
 * Decides the answer to a GET or HEAD from its headers alone. Throws `precondition-failed` and `range-not-satisfiable`.
 */
export function decideAnswer(method: string, request: Headers, representation: Representation): Answer {
  const { bytes, etag, contentLocation } = representation;
  const nowMs = Date.now();
  const headers = new Headers({
    etag,
    'last-modified': formatHttpDate(representation.modifiedAtMs),
    'cache-control': representation.cacheControl,
    'accept-ranges': 'bytes',
  });
  if (contentLocation !== undefined) headers.set('content-location', contentLocation);
  const precondition = decidePrecondition(request, representation, nowMs);
  if (precondition === 'failed') throw new ProblemError('precondition-failed', `the entity tag is ${etag}`);
  if (precondition === 'not-modified') return { status: 304, headers, range: null };

  headers.set('content-type', representation.contentType);
  if (representation.sha256 !== undefined) headers.set('repr-digest', reprDigest(representation.sha256));

  // Range is defined for GET only (RFC 9110, section 14.2).
  const ranged = method === 'GET' && rangeApplies(request, representation, nowMs);
  const decision = decideRange(ranged ? request.get('range') : null, bytes);
  if (decision.kind === 'unsatisfiable') {
    throw new ProblemError('range-not-satisfiable', `the representation has ${bytes} bytes`, {
      'content-range': `bytes */${bytes}`,
      'accept-ranges': 'bytes',
    });
  }
  const range = decision.kind === 'part' ? decision.range : { offset: 0, length: bytes };
  headers.set('content-length', String(range.length));
  if (decision.kind === 'part') {
    headers.set('content-range', `bytes ${range.offset}-${range.offset + range.length - 1}/${bytes}`);
  }
  return { status: decision.kind === 'part' ? 206 : 200, headers, range: method === 'HEAD' ? null : range };
}

/** Value of `Repr-Digest` (RFC 9530) for a SHA-256 in hexadecimal. */
export function reprDigest(sha256: string): string {
  const binary = sha256.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
  return `sha-256=:${btoa(binary)}:`;
}
