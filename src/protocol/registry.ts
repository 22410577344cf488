import * as z from 'zod';
import { LIMITS } from './limits.ts';
import { Id, ManifestLevel, ManifestModel } from './manifest.ts';

/** A context as the registry knows it. */
export const RegisteredContext = z
  .strictObject({
    id: Id,
    /** Whose it is; empty for a public one. */
    tenant: z.string(),
    model: z.strictObject({ name: z.string(), fingerprint: Id }),
    profileId: Id,
    tokenCount: z.int().min(1),
    chunkCount: z.int().min(1),
    /** False while it is being published. */
    published: z.boolean(),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'RegisteredContext' });
export type RegisteredContext = z.infer<typeof RegisteredContext>;

/** Where a purge goes on: the `cursor` of the answer before. */
const Cursor = Id;

/** Body of `POST /v1/purge`. All conditions given must hold; at least one is. */
export const PurgeRequest = z
  .strictObject({
    /** Name or fingerprint. */
    model: z.string().min(1).max(128).optional(),
    profileId: Id.optional(),
    /** Empty for public contexts. */
    tenant: z.string().max(64).optional(),
    olderThanSeconds: z.int().min(0).max(3_153_600_000).optional(),
    ids: z.array(Id).min(1).max(LIMITS.purgeIds).optional(),
    /** Only tell what would go. */
    dryRun: z.boolean().default(false),
    cursor: Cursor.optional(),
  })
  .refine(
    ({ model, profileId, tenant, olderThanSeconds, ids }) =>
      [model, profileId, tenant, olderThanSeconds, ids].some((condition) => condition !== undefined),
    { message: 'give at least one of "model", "profileId", "tenant", "olderThanSeconds" and "ids"' },
  )
  .meta({ id: 'PurgeRequest' });
export type PurgeRequest = z.input<typeof PurgeRequest>;

/** Answer to `POST /v1/purge`: what went, or would go. */
export const PurgeResult = z
  .strictObject({
    dryRun: z.boolean(),
    contexts: z.array(RegisteredContext),
    chunks: z.array(z.strictObject({ id: Id, bytes: z.int().min(0) })),
    /** Contexts that stayed because somebody publishes or removes them now; never any of a dry run. */
    busy: z.array(Id),
    /** Send it to go on; null when all is done. */
    cursor: Cursor.nullable(),
  })
  .meta({ id: 'PurgeResult' });
export type PurgeResult = z.infer<typeof PurgeResult>;

/** Body of `POST /v1/lookup`. */
export const LookupRequest = z
  .strictObject({
    /** Name or fingerprint. */
    model: z.string().min(1).max(128),
    tokens: z.array(z.int().min(0).max(0xffff_ffff)).min(1).max(LIMITS.contextTokens),
    /** Default: any. */
    profileId: Id.optional(),
    codec: z.int().min(1).max(2).optional(),
  })
  .meta({ id: 'LookupRequest' });
export type LookupRequest = z.infer<typeof LookupRequest>;

export const LookupChunk = z.strictObject({ id: Id, levels: z.array(ManifestLevel).min(1) });
export type LookupChunk = z.infer<typeof LookupChunk>;

/** Answer to `POST /v1/lookup`: the longest prefix of the tokens whose chunks are published. */
export const LookupResult = z
  .strictObject({
    /** Tokens that the chunks cover, from the first; 0 if none are. */
    tokenCount: z.int().min(0),
    /** What the chunks were made with; null when there are none. */
    coding: z.strictObject({ modelFingerprint: Id, codec: z.int(), profileId: Id }).nullable(),
    chunks: z.array(LookupChunk),
  })
  .meta({ id: 'LookupResult' });
export type LookupResult = z.infer<typeof LookupResult>;

export const ServedModel = z.strictObject({
  ...ManifestModel.shape,
  codec: z.int(),
  profileId: Id,
});
export type ServedModel = z.infer<typeof ServedModel>;

/** Answer to `GET /v1/models`. */
export const ModelList = z.strictObject({ models: z.array(ServedModel) }).meta({ id: 'ModelList' });
export type ModelList = z.infer<typeof ModelList>;
