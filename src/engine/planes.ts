/** Sizes of a model's KV cache. */
export interface KvGeometry {
  layers: number;
  kvHeads: number;
  keyHeadDim: number;
  valueHeadDim: number;
}

/**
 * The KV of consecutive tokens (docs/format.md, section 2): fp16 bit patterns in the order
 * [layer][K|V][token][kvHeads * headDim]; keys as the engine caches them, after the rotary embedding.
 */
export interface KvPlanes {
  geometry: KvGeometry;
  firstPosition: number;
  tokenCount: number;
  data: Uint16Array;
}
