/** docs/format.md, section 9: the limits, and the ranges that sections 4 and 5 give for single fields. */
export const MAX_PROFILE_BYTES = 512 * 2 ** 20;
export const MAX_CHUNK_BYTES = 64 * 2 ** 20;
export const MAX_HEADER_BYTES = 64 * 2 ** 10;
export const MAX_LAYERS = 512;
export const MAX_KV_HEADS = 512;
export const MAX_HEAD_DIM = 1024;
export const MAX_VALUES_PER_TOKEN = 2 ** 20;
export const MAX_GROUP_DIM = 32768;

export const MAX_CHUNK_TOKENS = 256;
export const MAX_LEVELS = 6;
export const MAX_SEGMENTS = 4096;
export const MAX_PASS = 5;
export const MAX_CLASSES = 96;
export const MAX_BLOCKS = 8;
export const MAX_PARTS = 64;
export const MAX_MIX_ROWS = 4096;
export const MAX_BANDS = 16;
export const MAX_FIRST_TOKENS = 16;

/** Default for the memory that decoding one chunk may take, in bytes; more is refused with `limit`. */
export const MEMORY_BUDGET_BYTES = 2 ** 30;
