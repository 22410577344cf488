/** ggml tensor types (ggml-common.h, dequantize_row_* of ggml-quants.c) with their block sizes, as far as pinned models use them. */
export interface GgmlType {
  /** Values in a block. */
  values: number;
  /** Bytes of a block. */
  bytes: number;
  read: (block: DataView, out: Float32Array) => void;
}

export const GGML_TYPES: Readonly<Record<number, GgmlType>> = {
  0: { values: 1, bytes: 4, read: (block, out) => out.set([block.getFloat32(0, true)]) },
  1: { values: 1, bytes: 2, read: (block, out) => out.set([block.getFloat16(0, true)]) },
  2: { values: 32, bytes: 18, read: q4(2, (nibble, scale) => (nibble - 8) * scale) },
  3: { values: 32, bytes: 20, read: q4(4, (nibble, scale, offset) => nibble * scale + offset) },
  6: { values: 32, bytes: 22, read: q5_0 },
  8: { values: 32, bytes: 34, read: q8_0 },
  12: { values: 256, bytes: 144, read: q4_K },
  14: { values: 256, bytes: 210, read: q6_K },
};

/** Q4_0 and Q4_1: 32 values, the low nibbles first, then the high ones. */
function q4(head: number, value: (nibble: number, scale: number, offset: number) => number) {
  return (block: DataView, out: Float32Array) => {
    const scale = block.getFloat16(0, true);
    const offset = head === 4 ? block.getFloat16(2, true) : 0;
    for (let i = 0; i < 16; i++) {
      const byte = block.getUint8(head + i);
      out[i] = value(byte & 15, scale, offset);
      out[i + 16] = value(byte >> 4, scale, offset);
    }
  };
}

/** As Q4_0, with a fifth bit of every value in a word of its own. */
function q5_0(block: DataView, out: Float32Array) {
  const scale = block.getFloat16(0, true);
  const fifth = block.getUint32(2, true);
  for (let i = 0; i < 16; i++) {
    const byte = block.getUint8(6 + i);
    out[i] = (((byte & 15) | (((fifth >>> i) & 1) << 4)) - 16) * scale;
    out[i + 16] = (((byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - 16) * scale;
  }
}

function q8_0(block: DataView, out: Float32Array) {
  const scale = block.getFloat16(0, true);
  for (let i = 0; i < 32; i++) out[i] = block.getInt8(2 + i) * scale;
}

/** 8 runs of 32 values; 6-bit scales and offsets of the runs are packed into 12 bytes. */
function q4_K(block: DataView, out: Float32Array) {
  const unit = block.getFloat16(0, true);
  const offsetUnit = block.getFloat16(2, true);
  const packed = (i: number) => block.getUint8(4 + i);
  for (let run = 0; run < 8; run++) {
    const low = run < 4;
    const scale = low ? packed(run) & 63 : (packed(run + 4) & 15) | ((packed(run - 4) >> 6) << 4);
    const offset = low ? packed(run + 4) & 63 : (packed(run + 4) >> 4) | ((packed(run) >> 6) << 4);
    const shift = 4 * (run % 2);
    for (let i = 0; i < 32; i++) {
      const nibble = (block.getUint8(16 + 32 * (run >> 1) + i) >> shift) & 15;
      out[32 * run + i] = unit * scale * nibble - offsetUnit * offset;
    }
  }
}

/** 16 runs of 16 values with 8-bit scales; four low bits and two high ones of every value lie apart. */
function q6_K(block: DataView, out: Float32Array) {
  const unit = block.getFloat16(208, true);
  for (let i = 0; i < 256; i++) {
    const [half, quarter, column] = [i >> 7, (i >> 5) & 3, i & 31];
    const low = (block.getUint8(64 * half + 32 * (quarter & 1) + column) >> (4 * (quarter >> 1))) & 15;
    const high = (block.getUint8(128 + 32 * half + column) >> (2 * quarter)) & 3;
    out[i] = unit * block.getInt8(192 + (i >> 4)) * ((low | (high << 4)) - 32);
  }
}
