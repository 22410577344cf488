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

interface OpenFrame {
  name: FrameName | null;
  chunk: number;
  fromByte: number;
  /** Bytes of the payload that have not come. */
  leftBytes: number;
}

/**
 * Takes a stream apart, however it is cut into pieces: no byte is looked at more than a few times. Frames of unknown types are passed
 * over.
 */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #frame: OpenFrame | null = null;
  /** What has come of a payload of JSON, with room for more. */
  #payload = new Uint8Array(0);
  #payloadBytes = 0;

  /**
   * The parts that a piece completes; bytes of KV are views of it. Throws `RangeError` on a frame that is too long or no JSON.
   * A part that was not taken from here is lost: go through all of them.
   */
  *push(piece: Uint8Array): Generator<StreamPart, void, void> {
    let rest = piece;
    const take = (bytes: number) => {
      const taken = rest.subarray(0, bytes);
      rest = rest.subarray(taken.length);
      return taken;
    };
    for (;;) {
      if (this.#frame === null) {
        const bytes = take(HEADER_BYTES - this.#headerBytes);
        this.#header.set(bytes, this.#headerBytes);
        this.#headerBytes += bytes.length;
        if (this.#headerBytes < HEADER_BYTES) return;
        this.#headerBytes = 0;
        this.#frame = parseHeader(this.#header);
        this.#payloadBytes = 0;
      }
      const frame = this.#frame;
      const bytes = take(frame.leftBytes);
      const { name, chunk, fromByte } = frame;
      frame.leftBytes -= bytes.length;
      frame.fromByte += bytes.length;
      const isWhole = frame.leftBytes === 0;
      if (isWhole) this.#frame = null;
      if (name === 'kv') {
        if (bytes.length > 0) yield { name, chunk, fromByte, bytes };
      } else if (name !== null) {
        this.#keep(bytes, frame.leftBytes);
        if (isWhole) yield { name, json: this.#json() };
      }
      if (!isWhole) return;
    }
  }

  /** Memory follows what came, not what a header announces. */
  #keep(bytes: Uint8Array, leftBytes: number): void {
    const end = this.#payloadBytes + bytes.length;
    if (end > this.#payload.length) {
      const larger = new Uint8Array(Math.min(end + leftBytes, 2 * end));
      larger.set(this.#payload.subarray(0, this.#payloadBytes));
      this.#payload = larger;
    }
    this.#payload.set(bytes, this.#payloadBytes);
    this.#payloadBytes = end;
  }

  #json(): unknown {
    const bytes = this.#payload.subarray(0, this.#payloadBytes);
    this.#payload = new Uint8Array(0);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new RangeError('the payload of a frame is not JSON', { cause });
    }
  }
}

function parseHeader(data: Uint8Array): OpenFrame {
  const view = new DataView(data.buffer, data.byteOffset, HEADER_BYTES);
  const type = view.getUint8(0);
  const name = (Object.keys(FRAME) as FrameName[]).find((candidate) => FRAME[candidate] === type) ?? null;
  const leftBytes = view.getUint32(8, true);
  if (name !== null && leftBytes > MOST_BYTES[name])
    throw new RangeError(`a frame of ${leftBytes} bytes; "${name}" has ${MOST_BYTES[name]} at most`);
  return { name, chunk: view.getUint16(2, true), fromByte: view.getUint32(4, true), leftBytes };
}
