import type { KvPlanes } from '../../engine/index.ts';
import type { Manifest } from '../../protocol/manifest.ts';
import { decodeChunk } from '../decode-chunk.ts';
import { integrity } from '../errors.ts';
import { type EdgeAccess, request } from '../http.ts';
import type { LoadedProfile, Profiles } from '../profiles.ts';
import { piecesOf } from '../read-stream.ts';
import { levelOf, verifyBytes, verifyTokens } from '../verify.ts';
import { verifySignature } from '../verify-signature.ts';
import { type StreamOptions, withProfiles } from './begin-stream.ts';
import type { StreamedChunk } from './stream-chunks.ts';
import { StreamReceiver } from './stream-receiver.ts';

export interface EdgeStreamOptions extends Omit<StreamOptions, 'speeds' | 'onProgress'> {
  /** How fast your engine evaluates text. Default: it cannot, and every chunk comes as KV. */
  textTokensPerSecond?: number;
  /** What decoding a chunk of 256 tokens takes here. Default: the edge's guess, 30 ms. */
  decodeMs?: number;
}

/**
 * Like `streamChunks`, but the edge chooses: one request, one answer (`GET /v1/contexts/{id}/stream`), for clients that cannot make many
 * or want no planner. Tell it what the link brings: an edge only sees what the buffers on the way take. A connection that breaks is
 * taken up again behind the last byte.
 *
 * Throws `ClientError`; on an abort, the signal's reason.
 */
export async function* edgeStream(options: EdgeStreamOptions): AsyncGenerator<StreamedChunk, void, void> {
  yield* await withProfiles(options, async (profiles) => {
    const receiver = await receive(options);
    const manifest = receiver.manifest as Manifest;
    if (options.textTokensPerSecond === undefined && receiver.end!.levels.includes(null))
      throw integrity('the stream leaves chunks to the text, which this client cannot evaluate');
    const tokens = await verifyTokens(manifest, receiver.tokens!);
    return decoded(options, manifest, tokens, receiver, profiles);
  });
}

async function receive(options: EdgeStreamOptions): Promise<StreamReceiver> {
  const receiver = new StreamReceiver(options.id);
  const startMs = performance.now();
  const access: EdgeAccess = options;
  while (receiver.end === null) {
    const before = receiver.have;
    const refusal = await request(
      access,
      `v1/contexts/${options.id}/stream`,
      () => ({ query: queryOf(options, receiver, performance.now() - startMs) }),
      async ({ body }) => {
        try {
          receiver.restart();
          for await (const piece of piecesOf(body)) {
            const known = receiver.manifest;
            receiver.push(piece);
            if (receiver.manifest === known) continue;
            const refusal = await refusalOf(receiver.manifest as Manifest, options);
            if (refusal !== null) return refusal;
          }
        } catch (error) {
          access.signal?.throwIfAborted();
          // What came is kept, so the next request is another one.
          if (receiver.have === before || !(error instanceof TypeError)) throw error;
        }
        if (receiver.end === null && receiver.have === before) throw new TypeError('the stream ended early');
        return null;
      },
    );
    if (refusal !== null) throw refusal.reason;
  }
  return receiver;
}

/** Before anything of a context is kept: it is one that the caller wants, from a publisher that it trusts. */
async function refusalOf(
  manifest: Manifest,
  { trustedKeys, checkManifest }: EdgeStreamOptions,
): Promise<{ reason: unknown } | null> {
  try {
    if (trustedKeys !== undefined) await verifySignature(manifest, trustedKeys);
    checkManifest?.(manifest);
    return null;
  } catch (reason) {
    return { reason }; // not an error of the transfer, which would be tried again
  }
}

function queryOf(options: EdgeStreamOptions, { have }: StreamReceiver, elapsedMs: number): URLSearchParams {
  const { deadlineMs, mbitPerSecond, textTokensPerSecond, decodeMs } = options;
  const query = new URLSearchParams({ deadlineMs: String(Math.max(1, Math.round(deadlineMs - elapsedMs))) });
  if (mbitPerSecond !== undefined) query.set('mbitPerSecond', mbitPerSecond.toFixed(3));
  if (textTokensPerSecond !== undefined)
    query.set('textTokensPerSecond', String(Math.max(1, Math.round(textTokensPerSecond))));
  if (decodeMs !== undefined) query.set('decodeMs', String(Math.round(decodeMs)));
  if (have !== null) query.set('have', have);
  return query;
}

async function decoded(
  access: EdgeAccess,
  manifest: Manifest,
  tokens: Uint32Array,
  receiver: StreamReceiver,
  profiles: Profiles,
): Promise<StreamedChunk[]> {
  const chunks: StreamedChunk[] = [];
  let position = 0;
  let held: LoadedProfile | undefined;
  try {
    for (const [index, described] of manifest.chunks.entries()) {
      const name = receiver.end!.levels[index] ?? null;
      let kv: { level: string; planes: KvPlanes } | null = null;
      if (name !== null) {
        const level = levelOf(described, name);
        const bytes = receiver.prefix(index, level);
        await verifyBytes(bytes, level, index);
        held ??= await profiles.load(access, manifest);
        kv = { level: name, planes: await decodeChunk(bytes, manifest, index, profiles, held.profile) };
      }
      const own = tokens.subarray(position, position + described.tokenCount);
      position += described.tokenCount;
      chunks.push({ index, chunksTotal: manifest.chunks.length, tokens: own, kv, manifest });
    }
    return chunks;
  } finally {
    held?.release();
  }
}
