import type { Codec } from '../../../src/codec/codec.ts';
import type { StoredChunk } from '../../../src/protocol/api.ts';
import type { ManifestLevel } from '../../../src/protocol/manifest.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import { areLevelsSigned, type Signer } from '../../../src/protocol/signature.ts';
import type { EdgeClient } from '../edge-client.ts';
import type { Log } from '../log.ts';
import { computePlanes, encodeChunk, levelsOfObject } from './compute.ts';
import type { PlannedContext } from './context.ts';
import type { HeldLease } from './held-lease.ts';
import { publication } from './publication.ts';

interface Tools {
  edge: EdgeClient;
  codec: Pick<Codec, 'inspectChunk'>;
  signer: Signer;
  /** Ends the work between two steps. */
  signal: AbortSignal;
  log: Log;
}

/**
 * Profile, chunks, then the manifest, so that nothing half-published is ever visible. Everything may be done again, by this
 * origin or another: what the edge has is not computed, encoded or sent a second time.
 */
export async function publishContext(context: PlannedContext, held: HeldLease, tools: Tools): Promise<void> {
  const { edge, signer } = tools;
  const { id, model } = context;
  const { profileId, profileFile } = model.coding;
  if (profileFile !== null && !(await edge.hasProfile(profileId)))
    await edge.putProfile(profileId, profileFile);
  const levels = await publishChunks(context, held, tools);
  const { createdAt } = held.job;
  const { manifest, chunks } = publication(context, levels, { createdAt, expiresAt: held.expiresAt });
  await edge.putContext(id, { manifest: await signer.signManifest(manifest), chunks });
}

async function publishChunks(
  context: PlannedContext,
  held: HeldLease,
  tools: Tools,
): Promise<ManifestLevel[][]> {
  const { edge, codec, signer, signal, log } = tools;
  const { id, chunkIds, tokens, model } = context;
  const levels = await storedLevels(chunkIds, edge, signer);
  const chunksTotal = chunkIds.length;
  if (levels.length > 0) held.report({ type: 'chunk', chunksDone: levels.length, chunksTotal });
  if (levels.length === chunksTotal) return levels;

  log.info('computing', {
    jobId: held.job.jobId,
    id,
    tokens: tokens.length,
    chunksStored: levels.length,
    codec: model.coding.codec,
  });
  const planes = await computePlanes(model, tokens, {
    signal,
    onProgress: (tokensDone) => held.report({ type: 'prefilled', tokensDone, tokenCount: tokens.length }),
  });
  for (let index = levels.length; index < chunksTotal; index++) {
    signal.throwIfAborted();
    const chunkId = chunkIds[index] as string;
    const object = await encodeChunk(model.coding.coder, planes, tokens, index, chunkId);
    const signature = await signer.signLevels(chunkId, levelsOfObject(codec, object));
    const stored = await edge.putChunk(chunkId, object, signature);
    // The edge may have had an object of another origin; a manifest may vouch only for what a publisher's key vouches for.
    if (!(await isTrusted(stored, signer))) {
      throw new ProblemError(
        'conflict',
        `The edge stores another encoding of chunk ${chunkId}, which is not signed with this origin's key.`,
      );
    }
    levels.push(stored.levels);
    held.report({ type: 'chunk', chunksDone: levels.length, chunksTotal });
  }
  return levels;
}

/**
 * Levels of the chunks that the edge has with this origin's signature, up to the first that it lacks: chunks are stored in order.
 */
async function storedLevels(
  chunkIds: readonly string[],
  edge: EdgeClient,
  signer: Signer,
): Promise<ManifestLevel[][]> {
  const levels: ManifestLevel[][] = [];
  for (const id of chunkIds) {
    const stored = await edge.storedChunk(id);
    if (stored === null || !(await isTrusted(stored, signer))) break;
    levels.push(stored.levels);
  }
  return levels;
}

async function isTrusted({ id, levels, signature }: StoredChunk, { publicKey }: Signer): Promise<boolean> {
  return signature?.publicKey === publicKey && areLevelsSigned(signature, id, levels);
}
