import { ByteReader } from './byte-reader.ts';
import { checkLeadingCrc } from './crc32c.ts';
import { EscapeReader } from './escapes.ts';
import { fail, inRange } from './fail.ts';
import { RansDecoder } from './rans.ts';

/** docs/format.md, section 6.7. */
export interface SegmentParts {
  classShift: number;
  rans: RansDecoder;
  escapes: EscapeReader;
}

/** Checks everything about a segment that can be checked without its symbols. */
export function readParts(bytes: Uint8Array, lanes: number, isRefinement: boolean): SegmentParts {
  checkLeadingCrc(bytes, 'segment');
  const reader = new ByteReader(bytes, 'segment', 'corrupt');
  reader.take(4);
  const escapeBytes = reader.u24();
  if (isRefinement && escapeBytes !== 0) fail('corrupt', 'a refinement has escapes');
  const classShift = inRange(reader.i8(), -64, 63, 'classShift');
  const wordBytes = reader.remaining - 4 * lanes - escapeBytes;
  if (wordBytes < 0 || wordBytes % 2 !== 0) fail('corrupt', `a segment has ${wordBytes} bytes of words`);
  const states = Array.from({ length: lanes }, () => reader.u32());
  const rans = new RansDecoder(states, new ByteReader(reader.take(wordBytes), 'rANS words'));
  return { classShift, rans, escapes: new EscapeReader(reader.take(escapeBytes)) };
}
