import { EngineError } from '../errors.ts';
import { type KvGeometry, rowValues } from '../planes.ts';

/*
 * A llama.cpp sequence state file (LLAMA_STATE_SEQ_VERSION 3), for one sequence of a plain KV cache without M-RoPE.
 * Little-endian. Sources: src/llama-context.cpp state_seq_save_file, src/llama-kv-cache.cpp state_write, state_write_meta
 * and state_write_data, in the llama.cpp that node-llama-cpp 3.21.1 bundles.
 *
 *   u32 magic "ggsq"   u32 version   u32 n   i32 token[n]
 *   u32 streams = 1    u32 cells = n
 *   n x { i32 position, u32 sequences = 1, i32 sequence = 0 }
 *   u32 values transposed (0 with flash attention, 1 without)   u32 layers
 *   layers x { i32 type = F16, u64 bytes of a key row,                 key[n][row] }
 *   layers x { i32 type = F16, u64 bytes of a value row,               value[n][row] }     values not transposed
 *            { i32 type = F16, u32 bytes of a value, u32 values in row, value[row][n] }     values transposed
 *
 * Both layouts have the same size, and n with the geometry fixes every offset: nothing is found by walking.
 */
export const STATE_MAGIC = 0x67677371;
export const STATE_VERSION = 3;
export const GGML_TYPE_F16 = 1;
export const HEADER_BYTES = 12;
export const TOKEN_BYTES = 4;
export const STREAM_BYTES = 8;
export const CELL_BYTES = 12;
export const DATA_HEADER_BYTES = 8;
export const PLANE_HEADER_BYTES = 12;
export const VALUE_BYTES = 2;

/** Longest context accepted; bounds every product below far under 2^53. */
export const MAX_STATE_TOKENS = 1 << 22;
/** Largest state read or written: what Node reads from a file in one call. 16,000 tokens of an 8B model with 8 KV heads. */
export const MAX_STATE_BYTES = 2 ** 31 - 1;

export interface StateOffsets {
  streams: number;
  cells: number;
  data: number;
  keyPlanes: number;
  /** From one key plane's header to the next. */
  keyStride: number;
  valuePlanes: number;
  valueStride: number;
  totalBytes: number;
}

/** Byte offsets of a state of `tokenCount` tokens. */
export function stateOffsets(geometry: KvGeometry, tokenCount: number): StateOffsets {
  const streams = HEADER_BYTES + tokenCount * TOKEN_BYTES;
  const cells = streams + STREAM_BYTES;
  const data = cells + tokenCount * CELL_BYTES;
  const keyPlanes = data + DATA_HEADER_BYTES;
  const keyStride = PLANE_HEADER_BYTES + tokenCount * rowValues(geometry, 'key') * VALUE_BYTES;
  const valuePlanes = keyPlanes + geometry.layers * keyStride;
  const valueStride = PLANE_HEADER_BYTES + tokenCount * rowValues(geometry, 'value') * VALUE_BYTES;
  const totalBytes = valuePlanes + geometry.layers * valueStride;
  return { streams, cells, data, keyPlanes, keyStride, valuePlanes, valueStride, totalBytes };
}

/** Byte size of a state. Throws `context-too-long` beyond the caps. */
export function boundedStateBytes(geometry: KvGeometry, tokenCount: number): number {
  const { totalBytes } = stateOffsets(geometry, tokenCount);
  if (totalBytes <= MAX_STATE_BYTES && tokenCount <= MAX_STATE_TOKENS) return totalBytes;
  throw new EngineError('context-too-long', {
    what: `the KV of ${tokenCount} tokens cannot pass`,
    why: 'its state is larger than kvedge handles',
    expected: `at most ${MAX_STATE_BYTES} bytes`,
    got: totalBytes,
    remedy: 'Use fewer tokens.',
  });
}
