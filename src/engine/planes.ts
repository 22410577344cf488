import { EngineError } from './errors.ts';

/** Shape of the KV cache of a model with standard attention: every layer the same. */
export interface KvGeometry {
  layers: number;
  kvHeads: number;
  keyHeadDim: number;
  valueHeadDim: number;
}

/**
 * The KV of `tokenCount` consecutive tokens, the first at `firstPosition`.
 *
 * `data`: fp16 bit patterns, [layer][K|V][token][kvHeads * headDim]; keys as the engine caches them (after RoPE).
 */
export interface KvPlanes {
  geometry: KvGeometry;
  firstPosition: number;
  tokenCount: number;
  data: Uint16Array;
}

export type PlaneKind = 'key' | 'value';

/** Half-open range of positions. */
export interface TokenRange {
  start: number;
  end: number;
}

/** fp16 values in one token's row of one plane. */
export function rowValues(geometry: KvGeometry, kind: PlaneKind): number {
  return geometry.kvHeads * (kind === 'key' ? geometry.keyHeadDim : geometry.valueHeadDim);
}

/** fp16 values of one token over all layers. */
export function valuesPerToken(geometry: KvGeometry): number {
  return geometry.layers * (rowValues(geometry, 'key') + rowValues(geometry, 'value'));
}

/** Index into `data` of the first value of one plane. */
export function planeOffset(
  geometry: KvGeometry,
  tokenCount: number,
  layer: number,
  kind: PlaneKind,
): number {
  const keyRow = rowValues(geometry, 'key');
  const layerStart = layer * tokenCount * (keyRow + rowValues(geometry, 'value'));
  return kind === 'key' ? layerStart : layerStart + tokenCount * keyRow;
}

/** One plane as a view, [token][kvHeads * headDim]. */
export function planeOf(planes: KvPlanes, layer: number, kind: PlaneKind): Uint16Array {
  const start = planeOffset(planes.geometry, planes.tokenCount, layer, kind);
  return planes.data.subarray(start, start + planes.tokenCount * rowValues(planes.geometry, kind));
}

/** Planes of zeros, to be filled. */
export function allocatePlanes(geometry: KvGeometry, firstPosition: number, tokenCount: number): KvPlanes {
  return {
    geometry,
    firstPosition,
    tokenCount,
    data: new Uint16Array(tokenCount * valuesPerToken(geometry)),
  };
}

export function sameGeometry(a: KvGeometry, b: KvGeometry): boolean {
  return (
    a.layers === b.layers &&
    a.kvHeads === b.kvHeads &&
    a.keyHeadDim === b.keyHeadDim &&
    a.valueHeadDim === b.valueHeadDim
  );
}

export function describeGeometry(geometry: KvGeometry): string {
  const { layers, kvHeads, keyHeadDim, valueHeadDim } = geometry;
  return `${layers} layers x ${kvHeads} KV heads x ${keyHeadDim}/${valueHeadDim}`;
}

/** The planes of `range` (absolute positions) as a copy. Throws `planes-mismatch` if the range is not inside. */
export function slicePlanes(planes: KvPlanes, range: TokenRange): KvPlanes {
  const from = range.start - planes.firstPosition;
  const to = range.end - planes.firstPosition;
  if (
    !(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= planes.tokenCount)
  ) {
    throw mismatch(
      'the range is not inside the planes',
      `positions ${planes.firstPosition}..${planes.firstPosition + planes.tokenCount}`,
      `${range.start}..${range.end}`,
      'Ask for positions that were computed.',
    );
  }
  const { geometry } = planes;
  const slice = allocatePlanes(geometry, range.start, to - from);
  for (let layer = 0; layer < geometry.layers; layer++) {
    for (const kind of ['key', 'value'] as const) {
      const row = rowValues(geometry, kind);
      planeOf(slice, layer, kind).set(planeOf(planes, layer, kind).subarray(from * row, to * row));
    }
  }
  return slice;
}

/**
 * Checks that `chunks` are planes of this geometry which tile positions 0..tokenCount without gap or overlap and hold
 * finite numbers only (a flipped exponent bit would otherwise poison every later token without a word).
 * Throws `planes-mismatch`.
 */
export function validateChunks(geometry: KvGeometry, chunks: readonly KvPlanes[], tokenCount: number): void {
  let position = 0;
  for (const [index, chunk] of chunks.entries()) {
    const where = `chunk ${index}`;
    if (!sameGeometry(chunk.geometry, geometry)) {
      throw mismatch(
        'planes of another model',
        describeGeometry(geometry),
        describeGeometry(chunk.geometry),
        'Load planes made with this very model.',
        where,
      );
    }
    if (chunk.firstPosition !== position || !Number.isInteger(chunk.tokenCount) || chunk.tokenCount < 1) {
      throw mismatch(
        'chunks must follow each other from position 0, each at least one token',
        position,
        `${chunk.firstPosition} with ${chunk.tokenCount} tokens`,
        'Pass all chunks of the context in order.',
        where,
      );
    }
    const values = chunk.tokenCount * valuesPerToken(geometry);
    if (chunk.data.length !== values) {
      throw mismatch('wrong number of values', values, chunk.data.length, 'Decode the chunk again.', where);
    }
    if (hasNonFinite(chunk.data)) {
      throw mismatch(
        'a value is infinite or NaN',
        'finite fp16',
        'non-finite',
        'Fetch the chunk again.',
        where,
      );
    }
    position += chunk.tokenCount;
  }
  if (position !== tokenCount) {
    throw mismatch(
      'planes and tokens differ in number',
      tokenCount,
      position,
      'Pass one token id per position.',
    );
  }
}

/** Two fp16 values per step: adding 1 to an all-ones exponent carries into the lane's sign bit, and only there. */
function hasNonFinite(data: Uint16Array): boolean {
  let from = 0;
  let carried = 0;
  if (data.byteOffset % 4 === 0) {
    const pairs = new Uint32Array(data.buffer, data.byteOffset, data.length >>> 1);
    for (let i = 0; i < pairs.length; i++) carried |= ((pairs[i] as number) & 0x7c007c00) + 0x04000400;
    from = pairs.length * 2;
  }
  for (let i = from; i < data.length; i++) carried |= ((data[i] as number) & 0x7c00) + 0x0400;
  return (carried & 0x80008000) !== 0;
}

function mismatch(
  why: string,
  expected: string | number,
  got: string | number,
  remedy: string,
  where?: string,
) {
  const detail = { what: 'the KV planes were refused', why, expected, got, remedy };
  return new EngineError('planes-mismatch', where === undefined ? detail : { ...detail, where });
}
