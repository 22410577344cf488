/** fp16 bit patterns as numbers. */
export function asFloat16(bits: Uint16Array): Float16Array {
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length);
}
