import * as z from 'zod';
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
 * What an origin is asked to compute: what the publisher sent, and for private contexts whose it is and the salt of its ids.
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
    /** The job's own id: the request's digest. It stands for the context in `/v1/contexts/{id}` until and after it is published. */
    id: Id,
    state: JobState,
    model: z.string(),
    /** These three are null until an origin has tokenized the text: the ids of contexts are made from tokens. */
    contextId: Id.nullable(),
    tokenCount: z.int().min(1).nullable(),
    chunksTotal: z.int().min(1).nullable(),
    chunksDone: z.int().min(0),
    /** Present when `state` is `failed`. */
    error: z.strictObject({ code: z.string(), detail: z.string() }).optional(),
  })
  .meta({ id: 'JobStatus' });
export type JobStatus = z.infer<typeof JobStatus>;

const Tokens = z.int().min(0).max(LIMITS.contextTokens);
const Chunks = z.int().min(0).max(LIMITS.chunksPerContext);

/** Data of one Server-Sent Event of `GET /v1/contexts/{id}/events`; the event's name is `type`. */
export const JobEvent = z
  .discriminatedUnion('type', [
    /** `id` is the context's. */
    z.strictObject({
      type: z.literal('tokenized'),
      id: Id,
      tokenCount: Tokens.min(1),
      chunksTotal: Chunks.min(1),
    }),
    z.strictObject({ type: z.literal('prefilled'), tokensDone: Tokens, tokenCount: Tokens.min(1) }),
    z.strictObject({ type: z.literal('chunk'), chunksDone: Chunks, chunksTotal: Chunks.min(1) }),
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
 * Answer to `PUT /v1/chunks/{id}` and `GET /v1/chunks/{id}/levels`: what is stored under the id, which is not what was sent if another valid encoding of
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

/** A published context in the answer to `GET /v1/contexts`. */
export const ContextSummary = z
  .strictObject({
    id: Id,
    model: z.string(),
    tokenCount: z.int().min(1),
    chunkCount: z.int().min(1),
    /** Sums over all chunks. */
    levels: z.array(z.strictObject({ name: z.string(), bytes: z.int().positive() })),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'ContextSummary' });
export type ContextSummary = z.infer<typeof ContextSummary>;

/** Answer to `GET /v1/contexts`: a page, and where the next one begins; null after the last. */
export const ContextList = z
  .strictObject({ contexts: z.array(ContextSummary), cursor: Id.nullable() })
  .meta({ id: 'ContextList' });
export type ContextList = z.infer<typeof ContextList>;

/** Answer to `GET /metrics` as JSON; the same families as in the text. */
export const MetricsReport = z
  .strictObject({
    since: z.iso.datetime(),
    families: z.array(
      z.strictObject({
        name: z.string(),
        type: z.enum(['counter', 'gauge', 'histogram']),
        help: z.string(),
        samples: z.array(
          z.strictObject({
            suffix: z.string().optional(),
            labels: z.record(z.string(), z.string()),
            value: z.number(),
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'MetricsReport' });
export type MetricsReport = z.infer<typeof MetricsReport>;

/** Answer to `GET /healthz`. */
export const Health = z.object({ status: z.literal('ok'), apiVersion: z.literal(1) }).meta({ id: 'Health' });
export type Health = z.infer<typeof Health>;
