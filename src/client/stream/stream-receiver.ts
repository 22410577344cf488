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
    if (this.end !== null) throw integrity('the stream goes on after its end');
    if (part.name === 'manifest') {
      // A connection that broke before the tokens were whole begins anew, with the same manifest.
      if (this.tokens !== null) throw integrity('the stream gives the manifest a second time');
      this.manifest = Manifest.parse(part.json);
      verifyManifest(this.manifest, this.#id);
      this.#objects = this.manifest.chunks.map(() => new Uint8Array(0));
      this.#received = this.#objects.map(() => 0);
    } else if (this.manifest === null) {
      throw integrity('the stream does not begin with the manifest');
    } else if (part.name === 'tokens') {
      if (this.tokens !== null) throw integrity('the stream gives the tokens a second time');
      this.tokens = ContextTokens.parse(part.json);
    } else if (this.tokens === null) {
      throw integrity('the stream gives no tokens before KV');
    } else if (part.name === 'kv') {
      this.#keep(this.manifest, part.chunk, part.fromByte, part.bytes);
    } else {
      this.end = endFor(this.manifest, StreamEnd.parse(part.json));
    }
  }

  #keep({ chunks }: Manifest, chunk: number, fromByte: number, bytes: Uint8Array): void {
    const most = chunks[chunk]?.levels.at(-1)?.bytes ?? 0;
    const end = fromByte + bytes.length;
    if (fromByte !== this.#received[chunk] || end > most)
      throw integrity(`the stream gives bytes from ${fromByte} of chunk ${chunk}, which do not follow`);
    if (end > this.#objects[chunk]!.length) {
      // Memory follows what came, not what a manifest announces.
      const larger = new Uint8Array(Math.min(most, Math.max(2 * end, SMALLEST_BYTES)));
      larger.set(this.#objects[chunk]!);
      this.#objects[chunk] = larger;
    }
    this.#objects[chunk]!.set(bytes, fromByte);
    this.#received[chunk] = end;
  }
}

const SMALLEST_BYTES = 65_536;

/** One entry per chunk; KV, then text to the end. */
function endFor({ chunks }: Manifest, end: StreamEnd): StreamEnd {
  const text = end.levels.indexOf(null);
  if (
    end.levels.length !== chunks.length ||
    (text !== -1 && end.levels.slice(text).some((level) => level !== null))
  )
    throw integrity('the stream ends with levels that are not those of the chunks, from the first');
  return end;
}
