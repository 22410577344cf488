/** The Web Worker of the page: opens a context with the client, and decodes it with WebAssembly away from the page's thread. */
import { ClientError, contextChunks, Profiles } from '../../../client/index.ts';
import { createWasmCodec } from '../../../codec/wasm/index.ts';
import { contextPlanesDigest, planesDigest } from '../../../engine/planes-digest.ts';
import { browserProfileCache } from './browser-profile-cache.ts';
import type { DecoderMessage, OpenRequest } from './messages.ts';
import { observedCodec, observedFetch } from './observe.ts';

const tell = (message: DecoderMessage) => self.postMessage(message);

addEventListener('message', ({ data }: MessageEvent<OpenRequest>) => {
  open(data).catch((error: unknown) => {
    const remedy = error instanceof ClientError ? error.remedy : '';
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error), remedy });
  });
});

async function open({ id, level, token }: OpenRequest): Promise<void> {
  const module = await WebAssembly.compileStreaming(fetch('/dashboard/kvedge.wasm'));
  const startMs = performance.now();
  let profileMs = 0;
  const indexes = new Map<string, number>();
  const index = (chunkId: string) => indexes.get(chunkId) ?? 0;
  const codec = observedCodec(createWasmCodec(module), {
    onProfile: (ms) => {
      profileMs = ms;
    },
    onStart: (chunkId) => tell({ type: 'decoding', chunk: index(chunkId) }),
    onEnd: (chunkId, decodeMs) => tell({ type: 'decoded', chunk: index(chunkId), decodeMs }),
  });
  const profiles = new Profiles(codec, browserProfileCache);
  const chunks = contextChunks({
    edge: location.origin,
    id,
    profiles,
    fetch: observedFetch((chunkId, bytes) => tell({ type: 'arrived', chunk: index(chunkId), bytes })),
    ...(level !== null && { level }),
    ...(token !== null && { token }),
    checkManifest: ({ model, tokenCount, chunks }) => {
      for (const [i, chunk] of chunks.entries()) indexes.set(chunk.id, i);
      tell({
        type: 'manifest',
        modelName: model.name,
        tokenCount,
        chunks: chunks.map((chunk) => ({
          tokenCount: chunk.tokenCount,
          levelBytes: Object.fromEntries(chunk.levels.map(({ name, bytes }) => [name, bytes])),
        })),
      });
    },
  });
  const digests: string[] = [];
  let planesBytes = 0;
  let totalMs = 0;
  try {
    for await (const chunk of chunks) {
      totalMs = performance.now() - startMs; // without the digest, which no engine needs
      const planesSha256 = await planesDigest(chunk.planes);
      digests.push(planesSha256);
      planesBytes += chunk.planes.data.byteLength;
      tell({ type: 'opened', chunk: chunk.index, level: chunk.level, planesSha256 });
    }
  } finally {
    profiles.close();
  }
  tell({ type: 'done', totalMs, profileMs, planesBytes, planesSha256: await contextPlanesDigest(digests) });
}
