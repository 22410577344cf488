/** Tokens per chunk (docs/format.md, section 3). The last chunk of a context may be shorter. */
export const CHUNK_TOKENS = 256;

/** Limits of this API version. Each is named in the error that enforces it. */
export const LIMITS = {
  contextTokens: 131_072,
  textBytes: 1_048_576,
  requestBytes: 4_194_304,
  manifestBytes: 1_048_576,
  chunkBytes: 67_108_864,
  cutBytes: 16_777_216,
  profileBytes: 134_217_728,
  chunksPerContext: 512,
  levels: 6,
  purgeIds: 500,
} as const;
