/** Sets one element; returns the array, so that it fits into an expression. */
export function put<T, A extends { [index: number]: T }>(array: A, index: number, value: T): A {
  (array as { [index: number]: T })[index] = value;
  return array;
}

/** Sets a little-endian u32; returns the bytes. */
export function putU32(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true);
  return bytes;
}

/** A copy with `count` zero bytes more at the end, or -`count` fewer. */
export function resized(bytes: Uint8Array, count: number): Uint8Array {
  const copy = new Uint8Array(bytes.length + count);
  copy.set(bytes.subarray(0, copy.length));
  return copy;
}
