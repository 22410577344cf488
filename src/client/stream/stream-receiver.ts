import { ContextTokens, Manifest, type ManifestLevel } from '../../protocol/manifest.ts';
import { FrameReader, StreamEnd, type StreamPart } from '../../protocol/stream-frames.ts';
import { ClientError, integrity } from '../errors.ts';
import { verifyManifest } from '../verify.ts';

/** What came of an edge-driven stream, over as many connections as it took. Nothing of it is verified but the manifest's shape. */
export class StreamReceiver {
  readonly #id: string;
  #reader = new FrameReader();
  #objects: Uint8Array<ArrayBuffer>[] = [];
  #received: number[] = [];
  manifest: Manifest | null = null;
  tokens: ContextTokens | null = null;
  end: StreamEnd | null = null;

  constructor(id: string) {
    this.#id = id;
  }

  /** The `have` of a request that goes on; null while that would not be enough. */
  get have(): string | null {
    return this.tokens === null ? null : this.#received.join(',');
  }

  /** A new connection begins. */
  restart(): void {
    this.#reader = new FrameReader();
  }

  /** Takes a piece of the body. Throws `edge-answer-invalid` and `integrity-failed`. */
  push(piece: Uint8Array): void {
    try {
      for (const part of this.#reader.push(piece)) this.#take(part);
    } catch (cause) {
      if (cause instanceof ClientError) throw cause;
      throw new ClientError('edge-answer-invalid', `the stream of context ${this.#id} is not as expected`, {
        cause,
      });
    }
  }

  /** The bytes of a chunk up to the end of a level. Throws `integrity-failed` if they did not all come. */
  prefix(chunk: number, { name, bytes }: ManifestLevel): Uint8Array<ArrayBuffer> {
    if (this.#received[chunk]! < bytes)
      throw integrity(`chunk ${chunk}: level ${name} was announced, and ends before its end`);
    return this.#objects[chunk]!.subarray(0, bytes);
  }

  #take(part: StreamPart): void {
    if (part.name === 'kv') this.#keep(part.chunk, part.fromByte, part.bytes);
    else if (part.name === 'end') this.end = StreamEnd.parse(part.json);
    else if (part.name === 'tokens') this.tokens = ContextTokens.parse(part.json);
    else {
      this.manifest = Manifest.parse(part.json);
      verifyManifest(this.manifest, this.#id);
      this.#objects = this.manifest.chunks.map(({ levels }) => new Uint8Array(levels.at(-1)!.bytes));
      this.#received = this.#objects.map(() => 0);
    }
  }

  #keep(chunk: number, fromByte: number, bytes: Uint8Array): void {
    const object = this.#objects[chunk];
    if (object === undefined || fromByte !== this.#received[chunk] || fromByte + bytes.length > object.length)
      throw integrity(`the stream gives bytes from ${fromByte} of chunk ${chunk}, which do not follow`);
    object.set(bytes, fromByte);
    this.#received[chunk] = fromByte + bytes.length;
  }
}
