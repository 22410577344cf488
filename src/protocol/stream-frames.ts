import * as z from 'zod';
import { LIMITS } from './limits.ts';
import { LevelName } from './manifest.ts';

/** The body of `GET /v1/contexts/{id}/stream`; docs/api.md has the layout. */
export const STREAM_TYPE = 'application/vnd.kvedge.stream';

export const FRAME = { manifest: 1, tokens: 2, kv: 3, end: 4 } as const;
export type FrameName = keyof typeof FRAME;

/** type u8, 0 u8, chunk u16, fromByte u32, payload length u32; little-endian. */
const HEADER_BYTES = 12;

/** What to use: the level of each chunk, null for those (the last ones) whose tokens are to be evaluated. */
export const StreamEnd = z.strictObject({
  levels: z.array(LevelName.nullable()).min(1).max(LIMITS.chunksPerContext),
});
export type StreamEnd = z.infer<typeof StreamEnd>;

/** Longest payloads that a reader keeps; bytes of KV are handed on as they come. */
const MOST_BYTES: Record<FrameName, number> = {
  manifest: LIMITS.manifestBytes,
  tokens: 4 * LIMITS.requestBytes,
  kv: LIMITS.chunkBytes,
  end: LIMITS.manifestBytes,
};

/** The header of a frame; its payload follows. `chunk` and `fromByte` are those of KV, else 0. */
export function frameHeader(
  name: FrameName,
  payloadBytes: number,
  chunk = 0,
  fromByte = 0,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint8(0, FRAME[name]);
  view.setUint16(2, chunk, true);
  view.setUint32(4, fromByte, true);
  view.setUint32(8, payloadBytes, true);
  return header;
}

export type StreamPart =
  | { name: 'manifest' | 'tokens' | 'end'; json: unknown }
  /** A piece of a frame, contiguous with those before it. */
  | { name: 'kv'; chunk: number; fromByte: number; bytes: Uint8Array };

/** Takes a stream apart, however it is cut into pieces. Frames of unknown types are passed over. */
export class FrameReader {
  #pending = new Uint8Array(0);
  #frame: { name: FrameName | null; chunk: number; fromByte: number; left: number } | null = null;

  /** The parts that a piece completes. Throws `RangeError` on a frame that is too long or no JSON. */
  *push(piece: Uint8Array): Generator<StreamPart, void, void> {
    let data = joined(this.#pending, piece);
    for (;;) {
      if (this.#frame === null) {
        if (data.length < HEADER_BYTES) break;
        this.#frame = parseHeader(data);
        data = data.subarray(HEADER_BYTES);
      }
      const frame = this.#frame;
      const isWhole = data.length >= frame.left;
      if (frame.name === 'kv' || frame.name === null) {
        const bytes = data.subarray(0, frame.left);
        data = data.subarray(bytes.length);
        const { name, chunk, fromByte } = frame;
        frame.left -= bytes.length;
        frame.fromByte += bytes.length;
        if (name !== null && bytes.length > 0) yield { name: 'kv', chunk, fromByte, bytes };
      } else if (isWhole) {
        const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(
          data.subarray(0, frame.left),
        );
        data = data.subarray(frame.left);
        yield { name: frame.name, json: parseJson(text) };
      }
      if (!isWhole) break;
      this.#frame = null;
    }
    this.#pending = data.slice();
  }
}

function parseHeader(data: Uint8Array) {
  const view = new DataView(data.buffer, data.byteOffset, HEADER_BYTES);
  const type = view.getUint8(0);
  const name = (Object.keys(FRAME) as FrameName[]).find((candidate) => FRAME[candidate] === type) ?? null;
  const left = view.getUint32(8, true);
  if (name !== null && left > MOST_BYTES[name])
    throw new RangeError(`a frame of ${left} bytes; "${name}" has ${MOST_BYTES[name]} at most`);
  return { name, chunk: view.getUint16(2, true), fromByte: view.getUint32(4, true), left };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError('the payload of a frame is not JSON', { cause });
  }
}

function joined(a: Uint8Array<ArrayBuffer>, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
