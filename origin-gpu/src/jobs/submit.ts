import { JobRequest } from '../../../src/protocol/api.ts';
import { ZERO_ID } from '../../../src/protocol/ids.ts';
import { LIMITS } from '../../../src/protocol/limits.ts';
import { ProblemError } from '../../../src/protocol/problems.ts';
import { PUBLIC } from '../../../src/protocol/tenant.ts';
import { type ModelRegistry, profileOf, type ServedModel } from '../models.ts';
import { planContext } from './plan.ts';
import type { Job, JobStore } from './store.ts';

const CODEC_LADDER = 1;

/**
 * Turns the body of `POST /v1/jobs` (`JobRequest`) into a job, or finds the job of the same content.
 *
 * @param stillPublished tells whether the edge has a context that was published before
 * Throws `ProblemError`: bad-request, invalid-content, model-unknown, profile-missing, too-large, context-too-large.
 */
export async function submitJob(
  body: unknown,
  {
    store,
    models,
    stillPublished,
  }: {
    store: JobStore;
    models: ModelRegistry;
    stillPublished: (id: string, tenant: string) => Promise<boolean>;
  },
): Promise<Job> {
  const request = parseRequest(body);
  const model = models.get(request.model);
  const profile = profileOf(model);
  const tokens =
    request.tokens === undefined
      ? tokenize(model, request.text as string)
      : checkTokens(model, request.tokens);
  refuseLength(tokens.length, maxTokens(model));
  const { name: tenant, salt: tenantSalt } = request.tenant ?? { name: PUBLIC, salt: null };
  const plan = await planContext(
    {
      codec: CODEC_LADDER,
      modelFingerprint: model.fingerprint,
      profileId: profile.id,
      tenantSalt: tenantSalt ?? ZERO_ID,
    },
    tokens,
  );
  const known = store.find(plan.contextId);
  if (known !== null) {
    if (known.state === 'queued' || known.state === 'running') return known;
    if (known.state === 'published' && (await stillPublished(known.id, tenant))) return known;
  }
  return store.enqueue({
    id: plan.contextId,
    model: model.name,
    modelFingerprint: model.fingerprint,
    profileId: profile.id,
    tenant,
    tenantSalt,
    tokens,
    chunkIds: plan.chunkIds,
    ttlSeconds: request.ttlSeconds ?? null,
  });
}

function parseRequest(body: unknown) {
  const tokens = (body as { tokens?: unknown } | null)?.tokens;
  if (Array.isArray(tokens)) refuseLength(tokens.length, LIMITS.contextTokens);
  const parsed = JobRequest.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.length ? ` at ${issue.path.join('.')}` : '';
    throw new ProblemError(
      'invalid-content',
      `The body is not a publish request${where}: ${issue?.message}.`,
    );
  }
  const { text } = parsed.data;
  if (text !== undefined && Buffer.byteLength(text) > LIMITS.textBytes) {
    throw new ProblemError(
      'too-large',
      `The text has ${Buffer.byteLength(text)} bytes; the limit textBytes is ${LIMITS.textBytes}.`,
    );
  }
  return parsed.data;
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
