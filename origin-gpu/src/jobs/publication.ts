import type { PublishManifest } from '../../../src/protocol/api.ts';
import type { Manifest, ManifestLevel } from '../../../src/protocol/manifest.ts';
import type { PlannedContext } from './context.ts';
import { splitTokens } from './plan.ts';

export interface Dates {
  createdAt: string;
  expiresAt: string | null;
}

/** Body of `PUT /v1/contexts/{id}`, not signed yet. `levels`: what the edge stores of each chunk. */
export function publication(
  context: PlannedContext,
  levels: readonly ManifestLevel[][],
  { createdAt, expiresAt }: Dates,
): { manifest: Manifest; chunks: PublishManifest['chunks'] } {
  const { id, chunkIds, tenantSalt, tokens, model } = context;
  const chunkTokens = splitTokens(tokens);
  return {
    manifest: {
      version: 1,
      id,
      model: { name: model.name, fingerprint: model.fingerprint, ...model.engine.model.geometry },
      codec: model.coding.codec,
      profileId: model.coding.profileId,
      visibility: tenantSalt === null ? 'public' : 'private',
      ...(tenantSalt === null ? {} : { tenantSalt }),
      tokenCount: tokens.length,
      chunks: chunkIds.map((chunkId, index) => ({
        id: chunkId,
        tokenCount: chunkTokens[index]!.length,
        levels: levels[index]!,
      })),
      createdAt,
      expiresAt,
    },
    chunks: chunkTokens.map((part) => ({ tokens: [...part], text: model.engine.detokenize(part) })),
  };
}
