/** The Web Worker of the page: opens a context with the client, and decodes it with WebAssembly away from the page's thread. */
import { ClientError, Profiles } from '../../../client/index.ts';
import { createWasmCodec } from '../../../codec/wasm/index.ts';
import { contextPlanesDigest, planesDigest } from '../../../engine/planes-digest.ts';
import { browserProfileCache } from './browser-profile-cache.ts';
import type { DecoderMessage, OpenRequest } from './messages.ts';
import { observedCodec, observedFetch } from './observe.ts';
import { openedChunks } from './opened-chunks.ts';

const tell = (message: DecoderMessage) => self.postMessage(message);

addEventListener('message', ({ data }: MessageEvent<OpenRequest>) => {
  open(data).catch((error: unknown) => {
    const remedy = error instanceof ClientError ? error.remedy : '';
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error), remedy });
  });
});

async function open(request: OpenRequest): Promise<void> {
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
  const chunks = openedChunks(request, {
    edge: location.origin,
    profiles,
    fetch: observedFetch((chunkId, bytes) => tell({ type: 'arrived', chunk: index(chunkId), bytes })),
    onProgress: ({ levels }) => tell({ type: 'levels', levels: [...levels] }),
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
    for await (const { index: chunk, level, planes, atMs } of chunks) {
      totalMs = atMs - startMs; // without the digest, which no engine needs
      const planesSha256 = await planesDigest(planes);
      digests.push(planesSha256);
      planesBytes += planes.data.byteLength;
      tell({ type: 'opened', chunk, level, planesSha256 });
    }
  } finally {
    profiles.close();
  }
  const { deadlineMs } = request;
  const planesSha256 = await contextPlanesDigest(digests);
  tell({ type: 'done', deadlineMs, totalMs, profileMs, planesBytes, planesSha256 });
}
