import { fail } from './fail.ts';

/** The Castagnoli CRC, docs/format.md section 1 (RFC 3720, B.4): one table entry per byte value. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 255]!;
  return (crc ^ 0xffffffff) >>> 0;
}

/** Checks a part that ends with the CRC of everything before it in that part. Needs at least 4 bytes. */
export function checkTrailingCrc(part: Uint8Array, what: string): void {
  const end = part.length - 4;
  const stored = new DataView(part.buffer, part.byteOffset + end, 4).getUint32(0, true);
  const found = crc32c(part.subarray(0, end));
  if (found !== stored) fail('corrupt', `CRC of the ${what}: stored ${hex(stored)}, found ${hex(found)}`);
}

/** Checks a part that begins with the CRC of the rest (segments). Needs at least 4 bytes. */
export function checkLeadingCrc(part: Uint8Array, what: string): void {
  const stored = new DataView(part.buffer, part.byteOffset, 4).getUint32(0, true);
  const found = crc32c(part.subarray(4));
  if (found !== stored) fail('corrupt', `CRC of the ${what}: stored ${hex(stored)}, found ${hex(found)}`);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
