import { ProblemError } from '../../protocol/problems.ts';
import { BoundedMap } from '../bounded-map.ts';
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
  /** Names in lower case. A plain object: it becomes a `Headers` once, with the response. */
  headers: Record<string, string>;
  range: ByteRange | null;
}

/**
 * Decides the answer to a GET or HEAD from its headers alone. Throws `precondition-failed` and `range-not-satisfiable`.
 */
export function decideAnswer(method: string, request: Headers, representation: Representation): Answer {
  const { bytes, etag, contentLocation } = representation;
  const nowMs = Date.now();
  const headers: Answer['headers'] = {
    etag,
    'last-modified': formatHttpDate(representation.modifiedAtMs),
    'cache-control': representation.cacheControl,
    'accept-ranges': 'bytes',
  };
  if (contentLocation !== undefined) headers['content-location'] = contentLocation;
  const precondition = decidePrecondition(request, representation, nowMs);
  if (precondition === 'failed') throw new ProblemError('precondition-failed', `the entity tag is ${etag}`);
  if (precondition === 'not-modified') return { status: 304, headers, range: null };

  headers['content-type'] = representation.contentType;
  if (representation.sha256 !== undefined) headers['repr-digest'] = reprDigest(representation.sha256);

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
  headers['content-length'] = String(range.length);
  if (decision.kind === 'part') {
    headers['content-range'] = `bytes ${range.offset}-${range.offset + range.length - 1}/${bytes}`;
  }
  return { status: decision.kind === 'part' ? 206 : 200, headers, range: method === 'HEAD' ? null : range };
}

const MAX_DIGESTS = 2_000;
const digests = new BoundedMap<string, string>(MAX_DIGESTS);

/** Value of `Repr-Digest` (RFC 9530) for a SHA-256 in hexadecimal; remembered, because popular objects ask for the same ones. */
export function reprDigest(sha256: string): string {
  const known = digests.get(sha256);
  if (known !== undefined) return known;
  let binary = '';
  for (let i = 0; i < sha256.length; i += 2) {
    binary += String.fromCharCode(Number.parseInt(sha256.slice(i, i + 2), 16));
  }
  const digest = `sha-256=:${btoa(binary)}:`;
  digests.set(sha256, digest);
  return digest;
}
