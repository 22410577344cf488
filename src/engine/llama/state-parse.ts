import { EngineError } from '../errors.ts';
import { allocatePlanes, type KvGeometry, type KvPlanes, planeOf, rowValues } from '../planes.ts';
import {
  CELL_BYTES,
  GGML_TYPE_F16,
  HEADER_BYTES,
  MAX_STATE_BYTES,
  MAX_STATE_TOKENS,
  PLANE_HEADER_BYTES,
  STATE_MAGIC,
  STATE_VERSION,
  stateOffsets,
  TOKEN_BYTES,
  VALUE_BYTES,
} from './state-layout.ts';

export interface StateExpectation {
  geometry: KvGeometry;
  /** If given, the token ids that the state must hold. */
  tokens?: Uint32Array;
  /** If given, the value layout of the context that will load it. */
  valuesTransposed?: boolean;
}

export interface ValidState {
  tokenCount: number;
  valuesTransposed: boolean;
}

/**
 * Proves that `bytes` are one complete state of this geometry: every field has its only permitted value and the sizes
 * tile the file. Throws `state-invalid`. What passes cannot make llama.cpp's reader run out of input (which aborts).
 */
export function validateState(bytes: Uint8Array, expectation: StateExpectation): ValidState {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { geometry } = expectation;
  if (bytes.length < HEADER_BYTES) throw invalid('header bytes', 0, `at least ${HEADER_BYTES}`, bytes.length);
  if (bytes.length > MAX_STATE_BYTES)
    throw invalid('file bytes', 0, `at most ${MAX_STATE_BYTES}`, bytes.length);
  const expectU32 = (field: string, offset: number, expected: number, index?: number): void => {
    const got = view.getUint32(offset, true);
    if (got !== expected)
      throw invalid(index === undefined ? field : `${field} ${index}`, offset, expected, got);
  };
  expectU32('magic', 0, STATE_MAGIC);
  expectU32('version', 4, STATE_VERSION);
  const tokenCount = view.getUint32(8, true);
  if (tokenCount < 1 || tokenCount > MAX_STATE_TOKENS) {
    throw invalid('token count', 8, `1..${MAX_STATE_TOKENS}`, tokenCount);
  }
  const at = stateOffsets(geometry, tokenCount);
  if (bytes.length !== at.totalBytes) throw invalid('file bytes', bytes.length, at.totalBytes, bytes.length);
  if (expectation.tokens !== undefined) {
    if (expectation.tokens.length !== tokenCount)
      throw invalid('token count', 8, expectation.tokens.length, tokenCount);
    for (const [i, token] of expectation.tokens.entries()) {
      expectU32('token', HEADER_BYTES + i * TOKEN_BYTES, token, i);
    }
  }

  expectU32('stream count', at.streams, 1);
  expectU32('cell count', at.streams + 4, tokenCount);
  for (let i = 0; i < tokenCount; i++) {
    const cell = at.cells + i * CELL_BYTES;
    expectU32('position of cell', cell, i, i);
    expectU32('sequence count of cell', cell + 4, 1, i);
    expectU32('sequence id of cell', cell + 8, 0, i);
  }

  const transposedFlag = view.getUint32(at.data, true);
  if (transposedFlag > 1) throw invalid('values transposed', at.data, '0 or 1', transposedFlag);
  const valuesTransposed = transposedFlag === 1;
  if (expectation.valuesTransposed !== undefined && expectation.valuesTransposed !== valuesTransposed) {
    throw invalid('values transposed', at.data, Number(expectation.valuesTransposed), transposedFlag);
  }
  expectU32('layer count', at.data + 4, geometry.layers);
  const keyRow = rowValues(geometry, 'key');
  const valueRow = rowValues(geometry, 'value');
  for (let layer = 0; layer < geometry.layers; layer++) {
    const key = at.keyPlanes + layer * at.keyStride;
    expectU32(
      `key type of layer ${layer} (1 is F16; quantized caches are not supported)`,
      key,
      GGML_TYPE_F16,
    );
    expectU32(`key row bytes of layer ${layer}`, key + 4, keyRow * VALUE_BYTES);
    expectU32(`key row bytes (high half) of layer ${layer}`, key + 8, 0);
    const value = at.valuePlanes + layer * at.valueStride;
    expectU32(
      `value type of layer ${layer} (1 is F16; quantized caches are not supported)`,
      value,
      GGML_TYPE_F16,
    );
    expectU32(
      `value bytes of layer ${layer}`,
      value + 4,
      valuesTransposed ? VALUE_BYTES : valueRow * VALUE_BYTES,
    );
    expectU32(`value row of layer ${layer}`, value + 8, valuesTransposed ? valueRow : 0);
  }
  return { tokenCount, valuesTransposed };
}

/** Validates a state and copies its planes out. Throws `state-invalid`. */
export function parseState(
  bytes: Uint8Array,
  expectation: StateExpectation,
): { tokens: Uint32Array; planes: KvPlanes; valuesTransposed: boolean } {
  const { tokenCount, valuesTransposed } = validateState(bytes, expectation);
  const { geometry } = expectation;
  const at = stateOffsets(geometry, tokenCount);
  const tokens = new Uint32Array(tokenCount);
  copyOut(bytes, HEADER_BYTES, tokens);
  const planes = allocatePlanes(geometry, 0, tokenCount);
  const valueRow = rowValues(geometry, 'value');
  for (let layer = 0; layer < geometry.layers; layer++) {
    const keys = planeOf(planes, layer, 'key');
    copyOut(bytes, at.keyPlanes + layer * at.keyStride + PLANE_HEADER_BYTES, keys);
    const values = planeOf(planes, layer, 'value');
    const start = at.valuePlanes + layer * at.valueStride + PLANE_HEADER_BYTES;
    if (valuesTransposed) {
      const columns = new Uint16Array(values.length);
      copyOut(bytes, start, columns);
      for (let j = 0; j < valueRow; j++) {
        for (let t = 0; t < tokenCount; t++) values[t * valueRow + j] = columns[j * tokenCount + t] as number;
      }
    } else {
      copyOut(bytes, start, values);
    }
  }
  return { tokens, planes, valuesTransposed };
}

function copyOut(bytes: Uint8Array, start: number, target: Uint16Array | Uint32Array): void {
  new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(
    bytes.subarray(start, start + target.byteLength),
  );
}

function invalid(
  field: string,
  offset: number,
  expected: string | number,
  got: string | number,
): EngineError {
  return new EngineError('state-invalid', {
    what: 'the llama.cpp state was refused',
    why: `wrong ${field}`,
    where: `byte ${offset}`,
    expected,
    got,
    remedy: 'Compute the context again with this model and an F16 cache.',
  });
}
