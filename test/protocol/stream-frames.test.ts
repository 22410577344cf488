import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS } from '../../src/protocol/limits.ts';
import { FRAME, FrameReader, frameHeader, type StreamPart } from '../../src/protocol/stream-frames.ts';

const utf8 = new TextEncoder();
const UNKNOWN_TYPE = 9;

const MANIFEST = { id: 'é'.repeat(50), chunks: [1, 2, 3] };
const TOKENS = { chunks: Array.from({ length: 40 }, (_, i) => ({ tokens: [i, i + 1] })) };
const END = { levels: ['standard', null] };
const KV = Uint8Array.from({ length: 700 }, (_, i) => i);

function json(name: 'manifest' | 'tokens' | 'end', value: unknown): Uint8Array[] {
  const payload = utf8.encode(JSON.stringify(value));
  return [frameHeader(name, payload.length), payload];
}

function unknownFrame(payload: Uint8Array): Uint8Array[] {
  const header = frameHeader('kv', payload.length);
  header[0] = UNKNOWN_TYPE;
  return [header, payload];
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const STREAM = joined(
  ...json('manifest', MANIFEST),
  ...unknownFrame(KV.subarray(0, 33)),
  ...json('tokens', TOKENS),
  frameHeader('kv', KV.length, 7, 4096),
  KV,
  frameHeader('kv', 0, 7, 9),
  ...json('end', END),
);

/** The parts of a stream in pieces, each copied at once; the bytes of KV frame by frame. */
function parts(pieces: Iterable<Uint8Array>): unknown[] {
  const reader = new FrameReader();
  const found: StreamPart[] = [];
  for (const piece of pieces) {
    for (const part of reader.push(piece)) {
      const last = found.at(-1);
      if (part.name !== 'kv') found.push(part);
      else if (last?.name === 'kv' && last.chunk === part.chunk) {
        expect(part.fromByte).toBe(last.fromByte + last.bytes.length);
        last.bytes = joined(last.bytes, part.bytes);
      } else found.push({ ...part, bytes: part.bytes.slice() });
    }
  }
  return found;
}

const EXPECTED = [
  { name: 'manifest', json: MANIFEST },
  { name: 'tokens', json: TOKENS },
  { name: 'kv', chunk: 7, fromByte: 4096, bytes: KV },
  { name: 'end', json: END },
];

test('a stream is the same however it is cut into pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length)), (cuts) => {
      const ends = [...cuts.toSorted((a, b) => a - b), STREAM.length];
      expect(parts(ends.map((end, i) => STREAM.slice(ends[i - 1] ?? 0, end)))).toEqual(EXPECTED);
    }),
  );
  expect(parts([...STREAM].map((byte) => Uint8Array.of(byte)))).toEqual(EXPECTED);
});

test('a frame in a million pieces is copied a few times, not once a piece', () => {
  const text = 'x'.repeat(1_000_000);
  const stream = utf8.encode(JSON.stringify(text));
  const copied = { bytes: 0 };
  const counted = new Proxy(Uint8Array.prototype.set, {
    apply(set, target, [source, offset]: [Uint8Array, number?]) {
      copied.bytes += source.length;
      return Reflect.apply(set, target, [source, offset]);
    },
  });
  const { set } = Uint8Array.prototype;
  const reader = new FrameReader();
  const found: StreamPart[] = [];
  try {
    Uint8Array.prototype.set = counted;
    found.push(...reader.push(frameHeader('tokens', stream.length)));
    for (let at = 0; at < stream.length; at++) found.push(...reader.push(stream.subarray(at, at + 1)));
  } finally {
    Uint8Array.prototype.set = set;
  }
  expect(found).toHaveLength(1);
  expect(found[0]).toEqual({ name: 'tokens', json: text });
  expect(copied.bytes).toBeGreaterThanOrEqual(stream.length);
  expect(copied.bytes).toBeLessThan(4 * stream.length);
});

test('bytes of KV are handed on without a copy, piece by piece', () => {
  const reader = new FrameReader();
  const piece = joined(frameHeader('kv', 9, 1, 50), Uint8Array.of(1, 2, 3));
  const [first] = reader.push(piece);
  expect(first).toMatchObject({ name: 'kv', chunk: 1, fromByte: 50 });
  expect((first as { bytes: Uint8Array }).bytes.buffer).toBe(piece.buffer);
  expect([...reader.push(Uint8Array.of(4, 5))]).toEqual([
    { name: 'kv', chunk: 1, fromByte: 53, bytes: Uint8Array.of(4, 5) },
  ]);
});

test('a frame that is cut off gives nothing, and memory follows what came', () => {
  const reader = new FrameReader();
  const header = frameHeader('tokens', 4 * LIMITS.requestBytes);
  expect([...reader.push(header.subarray(0, 5))]).toEqual([]);
  expect([...reader.push(header.subarray(5))]).toEqual([]);
  expect([...reader.push(utf8.encode('{"id":'))]).toEqual([]);
});

test.each(['manifest', 'tokens', 'kv', 'end'] as const)('a %s frame that is too long is refused', (name) => {
  expect(() => [...new FrameReader().push(frameHeader(name, 0xffff_ffff))]).toThrow(RangeError);
});

test('payloads that are no JSON, or no UTF-8, are refused', () => {
  for (const payload of [utf8.encode('{"id":'), Uint8Array.of(0x22, 0xff, 0x22), new Uint8Array(0)]) {
    const reader = new FrameReader();
    expect(() => [...reader.push(joined(frameHeader('end', payload.length), payload))]).toThrow();
  }
  expect(Object.values(FRAME)).not.toContain(UNKNOWN_TYPE);
});
