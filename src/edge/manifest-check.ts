import type { PublishManifest } from '../protocol/api.ts';
import { chunkIds, contextId, ZERO_ID } from '../protocol/ids.ts';
import { CHUNK_TOKENS, LIMITS } from '../protocol/limits.ts';
import type { Manifest } from '../protocol/manifest.ts';
import { ProblemError } from '../protocol/problems.ts';
import { TENANT_HEADER } from '../protocol/tenant.ts';
import type { ChunkMeta } from './chunk-meta.ts';

function invalid(field: string, expected: unknown, got: unknown): ProblemError {
  return new ProblemError('invalid-content', `${field}: expected ${expected}, got ${got}`);
}

/**
 * Checks what a manifest says of itself: whose it is, token counts, and every id recomputed from the tokens.
 *
 * @param salt the tenant's, `ZERO_ID` for a public context
 * Throws `invalid-content`.
 */
export async function checkIdentities(
  id: string,
  { manifest, chunks }: PublishManifest,
  salt: string,
): Promise<void> {
  if (manifest.id !== id) throw invalid('manifest.id', id, manifest.id);
  const visibility = salt === ZERO_ID ? 'public' : 'private';
  if (manifest.visibility !== visibility) {
    throw invalid('manifest.visibility', `${visibility} with this ${TENANT_HEADER}`, manifest.visibility);
  }
  if ((manifest.tenantSalt ?? ZERO_ID) !== salt) {
    throw new ProblemError('invalid-content', "manifest.tenantSalt: expected the tenant's own");
  }
  if (chunks.length !== manifest.chunks.length) {
    throw invalid('chunks', `${manifest.chunks.length} entries`, chunks.length);
  }
  let tokenCount = 0;
  manifest.chunks.forEach((chunk, i) => {
    const sent = chunks[i]!.tokens.length;
    if (chunk.tokenCount !== sent) throw invalid(`manifest.chunks[${i}].tokenCount`, sent, chunk.tokenCount);
    if (sent !== CHUNK_TOKENS && i !== chunks.length - 1) {
      throw invalid(`chunks[${i}].tokens`, `${CHUNK_TOKENS} tokens in all chunks but the last`, sent);
    }
    tokenCount += sent;
  });
  if (manifest.tokenCount !== tokenCount)
    throw invalid('manifest.tokenCount', tokenCount, manifest.tokenCount);

  const ids = await chunkIds(
    {
      codec: manifest.codec,
      modelFingerprint: manifest.model.fingerprint,
      profileId: manifest.profileId,
      tenantSalt: salt,
    },
    chunks.map((chunk) => chunk.tokens),
  );
  ids.forEach((expected, i) => {
    const got = manifest.chunks[i]!.id;
    if (got !== expected) throw invalid(`manifest.chunks[${i}].id`, expected, got);
  });
  const expectedId = await contextId(ids.at(-1)!);
  if (id !== expectedId) throw invalid('manifest.id', expectedId, id);
}

/** Checks that a chunk of the manifest is the stored one. Throws `payload-missing` and `invalid-content`. */
export function checkStoredChunk(manifest: Manifest, index: number, stored: ChunkMeta | null): void {
  const chunk = manifest.chunks[index]!;
  const at = `manifest.chunks[${index}]`;
  if (stored === null) {
    throw new ProblemError('payload-missing', `${at}: chunk ${chunk.id} is not stored`);
  }
  const { model } = manifest;
  const expected = {
    codec: manifest.codec,
    model: model.fingerprint,
    profile: manifest.profileId,
    position: index * CHUNK_TOKENS,
    tokens: chunk.tokenCount,
    shape: [model.layers, model.kvHeads, model.keyHeadDim, model.valueHeadDim].join(' x '),
  };
  const actual = { ...stored, shape: stored.shape.join(' x ') };
  for (const field of Object.keys(expected) as (keyof typeof expected)[]) {
    if (actual[field] !== expected[field]) {
      throw invalid(`${at}: ${field} in the header of the stored chunk`, expected[field], actual[field]);
    }
  }
  const levels = (list: ChunkMeta['levels']) => JSON.stringify(list.map((l) => [l.name, l.bytes, l.sha256]));
  if (levels(chunk.levels) !== levels(stored.levels)) {
    throw invalid(`${at}.levels`, levels(stored.levels), levels(chunk.levels));
  }
}

/** The manifest's stored form. Throws `too-large`. */
export function manifestBytes(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest)) as Uint8Array<ArrayBuffer>;
  if (bytes.length > LIMITS.manifestBytes) {
    throw new ProblemError(
      'too-large',
      `the manifest has ${bytes.length} bytes, manifestBytes allows ${LIMITS.manifestBytes}`,
    );
  }
  return bytes;
}
