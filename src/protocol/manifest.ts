import * as z from 'zod';
import { CHUNK_TOKENS, LIMITS } from './limits.ts';

/** 32 bytes as lower-case hexadecimal digits. */
export const Id = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
export const LevelName = z.string().regex(/^[a-z0-9-]{1,16}$/, 'expected 1 to 16 of a-z, 0-9 and -');

/** `private`: only tokens and signed URLs of the publisher's tenant can read it. */
export const Visibility = z.enum(['public', 'private']);

export const ManifestLevel = z.strictObject({
  name: LevelName,
  /** Size of the prefix of the chunk object that is this level. */
  bytes: z.int().positive().max(LIMITS.chunkBytes),
  /** SHA-256 of that prefix. */
  sha256: Id,
  /** Predicted KLD against the exact cache, nats per token. */
  predictedKld: z.number().nonnegative(),
});

export const ManifestChunk = z.strictObject({
  id: Id,
  tokenCount: z.int().min(1).max(CHUNK_TOKENS),
  /** Coarsest first; the last is the whole object. */
  levels: z.array(ManifestLevel).min(1).max(LIMITS.levels),
});

export const ManifestModel = z.strictObject({
  name: z.string().min(1).max(128),
  fingerprint: Id,
  layers: z.int().min(1).max(512),
  kvHeads: z.int().min(1).max(512),
  keyHeadDim: z.int().min(1).max(1024),
  valueHeadDim: z.int().min(1).max(1024),
});

/** A publisher's signature; docs/api.md, "Signatures", says over which bytes. */
export const Signature = z.strictObject({
  /** Ed25519 public key, 32 bytes in base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
  /** Ed25519 signature, 64 bytes in base64url. */
  value: z.string().regex(/^[A-Za-z0-9_-]{86}$/, 'expected 64 bytes in base64url'),
});

/** Describes a published context; see docs/api.md. */
export const Manifest = z
  .strictObject({
    version: z.literal(1),
    id: Id,
    model: ManifestModel,
    codec: z.int().min(1).max(2),
    profileId: Id,
    visibility: Visibility,
    /** What the ids of a private context are salted with (docs/format.md, section 3). */
    tenantSalt: Id.optional(),
    tokenCount: z.int().min(1).max(LIMITS.contextTokens),
    chunks: z.array(ManifestChunk).min(1).max(LIMITS.chunksPerContext),
    createdAt: z.iso.datetime({ offset: true }),
    expiresAt: z.iso.datetime({ offset: true }).nullable(),
    /** Absent when the origin has no signing key. */
    signature: Signature.optional(),
  })
  .refine((manifest) => (manifest.visibility === 'private') === (manifest.tenantSalt !== undefined), {
    path: ['tenantSalt'],
    message: 'expected exactly for private contexts',
  })
  .meta({ id: 'Manifest' });

export type Manifest = z.infer<typeof Manifest>;
export type ManifestChunk = z.infer<typeof ManifestChunk>;
export type ManifestLevel = z.infer<typeof ManifestLevel>;
export type Signature = z.infer<typeof Signature>;

/** The tokens of one chunk and the text they stand for: the fallback when KV would be slower. */
export const ChunkTokens = z.strictObject({
  tokens: z.array(z.int().min(0).max(0xffff_ffff)).min(1).max(CHUNK_TOKENS),
  text: z.string(),
});

export const ContextTokens = z
  .strictObject({
    id: Id,
    /** Index of the first chunk in `chunks`. */
    from: z.int().min(0),
    chunks: z.array(ChunkTokens).max(LIMITS.chunksPerContext),
  })
  .meta({ id: 'ContextTokens' });

export type ChunkTokens = z.infer<typeof ChunkTokens>;
export type ContextTokens = z.infer<typeof ContextTokens>;
