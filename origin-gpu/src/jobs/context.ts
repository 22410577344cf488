import { ZERO_ID } from '../../../src/protocol/ids.ts';
import type { Lease } from '../../../src/protocol/jobs.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import type { ModelRegistry, ServedModel } from '../models.ts';
import { planContext } from './plan.ts';

/** A context to compute: what is asked for, in the model's own terms. */
export interface PlannedContext {
  id: string;
  chunkIds: string[];
  /** Null for public contexts. */
  tenantSalt: string | null;
  tokens: Uint32Array;
  model: ServedModel;
}

/**
 * Tokenizes a publish request, which fixes the context's id.
 *
 * Throws `ProblemError`: invalid-content, model-unknown, context-too-large.
 */
export async function contextOf(request: Lease['request'], models: ModelRegistry): Promise<PlannedContext> {
  const model = models.get(request.model);
  const tokens =
    request.tokens === undefined
      ? tokenize(model, request.text as string)
      : checkTokens(model, request.tokens);
  refuseLength(tokens.length, maxTokens(model));
  const tenantSalt = request.tenant?.salt ?? null;
  const plan = await planContext(
    {
      codec: model.coding.codec,
      modelFingerprint: model.fingerprint,
      profileId: model.coding.profileId,
      tenantSalt: tenantSalt ?? ZERO_ID,
    },
    tokens,
  );
  return { id: plan.contextId, chunkIds: plan.chunkIds, tenantSalt, tokens, model };
}

function tokenize(model: ServedModel, text: string): Uint32Array {
  const tokens = model.engine.tokenize(text);
  if (tokens.length > 0) return tokens;
  throw new ProblemError('invalid-content', 'The text has no tokens.');
}

function checkTokens(model: ServedModel, tokens: readonly number[]): Uint32Array {
  const { vocabularySize } = model.engine.model;
  const wrong = tokens.findIndex((token) => token >= vocabularySize);
  if (wrong === -1) return Uint32Array.from(tokens);
  throw new ProblemError(
    'invalid-content',
    `Token ${wrong} is ${tokens[wrong]}; the vocabulary of ${model.name} ends at ${vocabularySize - 1}.`,
  );
}

function maxTokens(model: ServedModel): number {
  return Math.min(LIMITS.contextTokens, model.engine.model.trainedContextTokens);
}

function refuseLength(tokenCount: number, limit: number): void {
  if (tokenCount <= limit) return;
  throw new ProblemError('context-too-large', `The context has ${tokenCount} tokens; the limit is ${limit}.`);
}
