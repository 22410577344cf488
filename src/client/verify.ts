import type { ChunkInfo } from '../codec/codec.ts';
import type { EngineModel } from '../engine/index.ts';
import { chunkIds, contextId, sha256Hex, toHex, ZERO_ID } from '../protocol/ids.ts';
import { CHUNK_TOKENS } from '../protocol/limits.ts';
import type { ContextTokens, Manifest, ManifestChunk, ManifestLevel } from '../protocol/manifest.ts';
import { ClientError, integrity } from './errors.ts';

/** The manifest is for the context that was asked for, and its parts add up. */
export function verifyManifest(manifest: Manifest, id: string): void {
  if (manifest.id !== id) throw integrity(`asked for context ${id}, got the manifest of ${manifest.id}`);
  let tokenCount = 0;
  for (const [index, chunk] of manifest.chunks.entries()) {
    const isLast = index === manifest.chunks.length - 1;
    if (!isLast && chunk.tokenCount !== CHUNK_TOKENS) {
      throw integrity(`chunk ${index} has ${chunk.tokenCount} tokens, all but the last have ${CHUNK_TOKENS}`);
    }
    if (chunk.levels.some((level, i) => level.bytes < (chunk.levels[i - 1]?.bytes ?? 0))) {
      throw integrity(`the levels of chunk ${index} shrink`);
    }
    tokenCount += chunk.tokenCount;
  }
  if (tokenCount !== manifest.tokenCount) {
    throw integrity(`the chunks have ${tokenCount} tokens, the manifest says ${manifest.tokenCount}`);
  }
}

/** The context was computed by the very model that the engine holds. */
export function verifyModel(
  manifest: Manifest,
  model: Pick<EngineModel, 'fingerprint' | 'geometry' | 'name'>,
): void {
  const fingerprint = toHex(model.fingerprint);
  if (manifest.model.fingerprint !== fingerprint) {
    throw new ClientError(
      'model-mismatch',
      `the context is for model ${manifest.model.name} (${manifest.model.fingerprint}), the engine holds ` +
        `${model.name} (${fingerprint})`,
    );
  }
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = model.geometry;
  const said = manifest.model;
  if (
    said.layers !== layers ||
    said.kvHeads !== kvHeads ||
    said.keyHeadDim !== keyHeadDim ||
    said.valueHeadDim !== valueHeadDim
  ) {
    throw integrity('the manifest gives this model another geometry than the engine does');
  }
}

/**
 * The token ids are the ones that the context id stands for: ids are a hash chain over them (docs/format.md, section 3).
 * Returns all of them.
 */
export async function verifyTokens(manifest: Manifest, answer: ContextTokens): Promise<Uint32Array> {
  const chunks = answer.chunks.map((chunk) => chunk.tokens);
  if (answer.id !== manifest.id || answer.from !== 0 || chunks.length !== manifest.chunks.length) {
    throw integrity(`expected the tokens of ${manifest.chunks.length} chunks, got ${chunks.length}`);
  }
  const ids = await chunkIds(
    {
      codec: manifest.codec,
      modelFingerprint: manifest.model.fingerprint,
      profileId: manifest.profileId,
      tenantSalt: manifest.tenantSalt ?? ZERO_ID,
    },
    chunks,
  );
  const wrong = ids.findIndex((id, index) => id !== manifest.chunks[index]!.id);
  if (wrong !== -1) throw integrity(`the tokens of chunk ${wrong} do not belong to the id of that chunk`);
  if ((await contextId(ids.at(-1)!)) !== manifest.id)
    throw integrity('the chunks do not belong to the context id');
  return Uint32Array.from(chunks.flat());
}

export function levelOf(chunk: ManifestChunk, name: string): ManifestLevel {
  const level = chunk.levels.find((candidate) => candidate.name === name);
  if (level !== undefined) return level;
  const names = chunk.levels.map((candidate) => candidate.name).join(', ');
  throw new ClientError('level-unknown', `the context has the levels ${names}, not ${name}`);
}

/** The bytes are the level that the manifest describes. */
export async function verifyBytes(
  bytes: Uint8Array<ArrayBuffer>,
  level: ManifestLevel,
  index: number,
): Promise<void> {
  const sha256 = await sha256Hex(bytes);
  if (sha256 !== level.sha256) {
    throw integrity(
      `chunk ${index}: the ${bytes.length} bytes of level ${level.name} have SHA-256 ${sha256}, not ${level.sha256}`,
    );
  }
}

/** The header of a chunk names the chunk, profile, model and place that it was fetched for. */
export function verifyHeader(info: ChunkInfo, manifest: Manifest, index: number): void {
  const chunk = manifest.chunks[index]!;
  const expected = {
    codec: manifest.codec,
    chunkId: chunk.id,
    profileId: manifest.profileId,
    modelFingerprint: manifest.model.fingerprint,
    firstPosition: index * CHUNK_TOKENS,
    tokenCount: chunk.tokenCount,
    layers: manifest.model.layers,
    kvHeads: manifest.model.kvHeads,
    keyHeadDim: manifest.model.keyHeadDim,
    valueHeadDim: manifest.model.valueHeadDim,
    subset: false,
  } as const;
  for (const [field, value] of Object.entries(expected)) {
    const got = info[field as keyof typeof expected];
    if (got !== value) throw integrity(`chunk ${index}: its header says ${field} ${got}, expected ${value}`);
  }
}
