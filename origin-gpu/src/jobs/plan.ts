import { chunkIds, contextId } from '../../../src/protocol/ids.ts';
import { CHUNK_TOKENS } from '../../../src/protocol/limits.ts';

export interface ContextPlan {
  contextId: string;
  chunkIds: string[];
}

export interface PlanInputs {
  codec: number;
  modelFingerprint: string;
  profileId: string;
  tenantSalt: string;
}

/** The tokens of a context, chunk by chunk, as views. */
export function splitTokens(tokens: Uint32Array): Uint32Array[] {
  const count = Math.ceil(tokens.length / CHUNK_TOKENS);
  return Array.from({ length: count }, (_, i) => tokens.subarray(i * CHUNK_TOKENS, (i + 1) * CHUNK_TOKENS));
}

/** Ids of a context and its chunks (docs/format.md, section 3). At least one token. */
export async function planContext(inputs: PlanInputs, tokens: Uint32Array): Promise<ContextPlan> {
  const ids = await chunkIds(inputs, splitTokens(tokens));
  const last = ids.at(-1);
  if (last === undefined) throw new RangeError('a context has at least one token');
  return { contextId: await contextId(last), chunkIds: ids };
}
