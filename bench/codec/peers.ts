import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const GROUP_VALUES = 32;

export interface Peer {
  bytes: number;
  encode: () => unknown;
  decode: () => unknown;
}

/** zstd -3 of the bytes, its round trip checked. */
export function zstdPeer(raw: Uint8Array): Peer {
  const options = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
  const packed = zstdCompressSync(raw, options);
  if (Buffer.compare(zstdDecompressSync(packed), raw) !== 0) throw new Error('zstd does not round-trip');
  return {
    bytes: packed.length,
    encode: () => zstdCompressSync(raw, options),
    decode: () => zstdDecompressSync(packed),
  };
}

/** fp16 values as bytes: groups of 32 with one scale, the scale left out. */
export function int8Of(values: Float16Array): Uint8Array {
  const bytes = new Int8Array(values.length);
  for (let start = 0; start < values.length; start += GROUP_VALUES) {
    const group = values.subarray(start, start + GROUP_VALUES);
    const largest = group.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    bytes.set(
      Array.from(group, (value) => Math.round((value / largest) * 127)),
      start,
    );
  }
  return new Uint8Array(bytes.buffer);
}
