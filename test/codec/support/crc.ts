/** CRC32C bit by bit: independent of the tables in `src/`. */
export function bitwiseCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

/** Overwrites the last four bytes of `part` with the CRC of the bytes before them. */
export function sealEnd(part: Uint8Array): void {
  const end = part.length - 4;
  new DataView(part.buffer, part.byteOffset).setUint32(end, bitwiseCrc32c(part.subarray(0, end)), true);
}

/** Overwrites the first four bytes of `part` with the CRC of the bytes after them. */
export function sealStart(part: Uint8Array): void {
  new DataView(part.buffer, part.byteOffset).setUint32(0, bitwiseCrc32c(part.subarray(4)), true);
}
