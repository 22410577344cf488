import type { Codec } from '../../../codec/codec.ts';

const CHUNK_PATH = /^\/v1\/chunks\/([0-9a-f]{64})$/;

/** `fetch` that tells of every piece of a chunk as it arrives. */
export function observedFetch(onPiece: (chunkId: string, bytes: number) => void): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const chunkId = CHUNK_PATH.exec(url.pathname)?.[1];
    if (chunkId === undefined || response.body === null) return response;
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(piece, controller) {
        onPiece(chunkId, piece.length);
        controller.enqueue(piece);
      },
    });
    const { status, statusText, headers } = response;
    return new Response(response.body.pipeThrough(counter), { status, statusText, headers });
  };
}

export interface CodecObserver {
  onProfile(unpackMs: number): void;
  onStart(chunkId: string): void;
  onEnd(chunkId: string, decodeMs: number): void;
}

/** The codec of WebAssembly, which decodes on the calling thread, with the time that it takes. */
export function observedCodec(codec: Codec, observer: CodecObserver): Codec {
  return {
    ...codec,
    loadProfile(file, options) {
      const startMs = performance.now();
      const profile = codec.loadProfile(file, options);
      observer.onProfile(performance.now() - startMs);
      return {
        ...profile,
        async decodeChunkAsync(chunk, decodeOptions) {
          const { chunkId } = codec.inspectChunk(chunk);
          observer.onStart(chunkId);
          const decodeStartMs = performance.now();
          const planes = profile.decodeChunk(chunk, decodeOptions); // at once: an await would count other chunks' time
          observer.onEnd(chunkId, performance.now() - decodeStartMs);
          return planes;
        },
      };
    },
  };
}
