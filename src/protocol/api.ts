import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { ChunkTokens, Id, Manifest, ManifestLevel, Signature, Visibility } from './manifest.ts';
import { Tenant } from './tenant.ts';

/** Body of `POST /v1/contexts`. Exactly one of `text` and `tokens`. */
export const PublishRequest = z
  .strictObject({
    model: z.string().min(1).max(128),
    text: z.string().min(1).optional(),
    tokens: z.array(z.int().min(0).max(0xffff_ffff)).min(1).max(LIMITS.contextTokens).optional(),
    /** Default: no expiry. */
    ttlSeconds: z.int().min(60).max(31_536_000).optional(),
    visibility: Visibility.default('public'),
  })
  .refine((body) => (body.text === undefined) !== (body.tokens === undefined), {
    message: 'give exactly one of "text" and "tokens"',
  })
  .meta({ id: 'PublishRequest', oneOf: [{ required: ['text'] }, { required: ['tokens'] }] });
export type PublishRequest = z.input<typeof PublishRequest>;

/**
 * Body of the origin's `POST /v1/jobs`: what the publisher sent, and for private contexts whose it is and the salt of its ids.
 */
export const JobRequest = PublishRequest.safeExtend({
  tenant: z.strictObject({ name: Tenant, salt: Id }).optional(),
}).refine((body) => (body.visibility === 'private') === (body.tenant !== undefined), {
  message: 'expected "tenant" exactly for private contexts',
});
export type JobRequest = z.infer<typeof JobRequest>;

export const JobState = z.enum(['queued', 'running', 'published', 'failed']);

/** State of a context that is being computed. */
export const JobStatus = z
  .strictObject({
    id: Id,
    state: JobState,
    model: z.string(),
    tokenCount: z.int().min(1),
    chunksDone: z.int().min(0),
    chunksTotal: z.int().min(1),
    /** Present when `state` is `failed`. */
    error: z.strictObject({ code: z.string(), detail: z.string() }).optional(),
  })
  .meta({ id: 'JobStatus' });
export type JobStatus = z.infer<typeof JobStatus>;

/** Data of one Server-Sent Event of `GET /v1/contexts/{id}/events`; the event's name is `type`. */
export const JobEvent = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('tokenized'), tokenCount: z.int(), chunksTotal: z.int() }),
    z.strictObject({ type: z.literal('prefilled'), tokensDone: z.int(), tokenCount: z.int() }),
    z.strictObject({ type: z.literal('chunk'), chunksDone: z.int(), chunksTotal: z.int() }),
    z.strictObject({ type: z.literal('published'), id: Id }),
    z.strictObject({ type: z.literal('failed'), code: z.string(), detail: z.string() }),
  ])
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof JobEvent>;

/** Body of `PUT /v1/contexts/{id}`: the origin publishes a manifest after all of its payloads. */
export const PublishManifest = z
  .strictObject({ manifest: Manifest, chunks: z.array(ChunkTokens).min(1).max(LIMITS.chunksPerContext) })
  .meta({ id: 'PublishManifest' });
export type PublishManifest = z.infer<typeof PublishManifest>;

/** Header of `PUT /v1/chunks/{id}` with the origin's signature over the levels: `<publicKey>.<value>`. */
export const LEVELS_SIGNATURE_HEADER = 'kvedge-levels-signature';

/**
 * Answer to `PUT /v1/chunks/{id}`: what is stored under the id, which is not what was sent if another valid encoding of
 * the same chunk came first. Manifests are built from these levels.
 */
export const StoredChunk = z
  .object({
    id: Id,
    levels: z.array(ManifestLevel).min(1).max(LIMITS.levels),
    /** Of the origin that made the object. */
    signature: Signature.optional(),
  })
  .meta({ id: 'StoredChunk' });
export type StoredChunk = z.infer<typeof StoredChunk>;

/** Answer to `PUT /v1/profiles/{id}`. */
export const StoredProfile = z.object({ id: Id, bytes: z.int().positive() }).meta({ id: 'StoredProfile' });
export type StoredProfile = z.infer<typeof StoredProfile>;

/** Answer to `GET /healthz`. */
export const Health = z.object({ status: z.literal('ok'), apiVersion: z.literal(1) }).meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;
