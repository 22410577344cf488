import { chunkIds } from '../protocol/ids.ts';
import { CHUNK_TOKENS } from '../protocol/limits.ts';
import type { LookupRequest, LookupResult } from '../protocol/registry.ts';
import { codedModels, longestPrefix } from './registry/prefixes.ts';

/** In whose name a lookup asks: ids of private contexts are salted, so no tenant can even name another's. */
export interface LookupScope {
  tenant: string;
  tenantSalt: string;
}

/**
 * The longest prefix of the tokens of which every chunk is published and can be read in one of the scopes. Chunks cover 256
 * tokens each; a shorter one counts only as the very rest of the tokens, because its id depends on just those.
 */
export async function lookup(
  db: D1Database,
  request: LookupRequest,
  scopes: readonly LookupScope[],
): Promise<LookupResult> {
  const pieces: number[][] = [];
  for (let from = 0; from < request.tokens.length; from += CHUNK_TOKENS) {
    pieces.push(request.tokens.slice(from, from + CHUNK_TOKENS));
  }
  let longest: LookupResult = { tokenCount: 0, coding: null, chunks: [] };
  for (const { tenant, tenantSalt } of scopes) {
    for (const coding of await codedModels(db, request.model, request, tenant)) {
      const chain = await chunkIds({ ...coding, tenantSalt }, pieces);
      const chunks = await longestPrefix(db, chain, tenant);
      const tokenCount = Math.min(chunks.length * CHUNK_TOKENS, request.tokens.length);
      if (tokenCount > longest.tokenCount) longest = { tokenCount, coding, chunks };
    }
  }
  return longest;
}
