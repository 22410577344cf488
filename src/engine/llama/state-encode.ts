import { type KvGeometry, type KvPlanes, planeOf, rowValues, validateChunks } from '../planes.ts';
import {
  boundedStateBytes,
  CELL_BYTES,
  GGML_TYPE_F16,
  HEADER_BYTES,
  PLANE_HEADER_BYTES,
  STATE_MAGIC,
  STATE_VERSION,
  stateOffsets,
  TOKEN_BYTES,
  VALUE_BYTES,
} from './state-layout.ts';
import { validateState } from './state-parse.ts';

export interface StateContent {
  geometry: KvGeometry;
  tokens: Uint32Array;
  /** Planes that tile positions 0..tokens.length, in order. */
  chunks: readonly KvPlanes[];
  /** As the receiving context keeps values: true without flash attention. */
  valuesTransposed: boolean;
}

/**
 * The bytes llama.cpp itself would have saved for these tokens and planes. Chunks are copied straight to their place.
 * Throws `planes-mismatch` for planes that do not fit, `context-too-long` beyond the size cap.
 */
export function encodeState({ geometry, tokens, chunks, valuesTransposed }: StateContent): Uint8Array {
  const tokenCount = tokens.length;
  validateChunks(geometry, chunks, tokenCount);
  const totalBytes = boundedStateBytes(geometry, tokenCount);
  const at = stateOffsets(geometry, tokenCount);
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(totalBytes).buffer);
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number, value: number): void => view.setUint32(offset, value, true);
  u32(0, STATE_MAGIC);
  u32(4, STATE_VERSION);
  u32(8, tokenCount);
  for (const [i, token] of tokens.entries()) u32(HEADER_BYTES + i * TOKEN_BYTES, token);
  u32(at.streams, 1);
  u32(at.streams + 4, tokenCount);
  for (let i = 0; i < tokenCount; i++) {
    const cell = at.cells + i * CELL_BYTES;
    u32(cell, i);
    u32(cell + 4, 1);
    u32(cell + 8, 0);
  }
  u32(at.data, valuesTransposed ? 1 : 0);
  u32(at.data + 4, geometry.layers);
  const valueRow = rowValues(geometry, 'value');
  for (let layer = 0; layer < geometry.layers; layer++) {
    const key = at.keyPlanes + layer * at.keyStride;
    u32(key, GGML_TYPE_F16);
    u32(key + 4, rowValues(geometry, 'key') * VALUE_BYTES);
    u32(key + 8, 0);
    const value = at.valuePlanes + layer * at.valueStride;
    u32(value, GGML_TYPE_F16);
    u32(value + 4, valuesTransposed ? VALUE_BYTES : valueRow * VALUE_BYTES);
    u32(value + 8, valuesTransposed ? valueRow : 0);
    for (const chunk of chunks) {
      placeRows(bytes, key, chunk, layer, 'key');
      if (valuesTransposed) placeColumns(view, value, chunk, layer, tokenCount);
      else placeRows(bytes, value, chunk, layer, 'value');
    }
  }
  validateState(bytes, { geometry, tokens, valuesTransposed });
  return bytes;
}

function placeRows(
  bytes: Uint8Array,
  header: number,
  chunk: KvPlanes,
  layer: number,
  kind: 'key' | 'value',
): void {
  const plane = planeOf(chunk, layer, kind);
  const start =
    header + PLANE_HEADER_BYTES + chunk.firstPosition * rowValues(chunk.geometry, kind) * VALUE_BYTES;
  bytes.set(new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength), start);
}

function placeColumns(
  view: DataView,
  header: number,
  chunk: KvPlanes,
  layer: number,
  tokenCount: number,
): void {
  const plane = planeOf(chunk, layer, 'value');
  const row = rowValues(chunk.geometry, 'value');
  for (let j = 0; j < row; j++) {
    const start = header + PLANE_HEADER_BYTES + (j * tokenCount + chunk.firstPosition) * VALUE_BYTES;
    for (let t = 0; t < chunk.tokenCount; t++) {
      view.setUint16(start + t * VALUE_BYTES, plane[t * row + j] as number, true);
    }
  }
}
