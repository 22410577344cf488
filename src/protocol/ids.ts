/** Identities of docs/format.md, section 3. */

export const FORMAT_VERSION = 1;
export const ZERO_ID = '0'.repeat(64);

const encoder = new TextEncoder();

/** Lower-case hexadecimal digits of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** Bytes of a string of hexadecimal digits; throws `RangeError` on anything else. */
export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) {
    throw new RangeError(`expected lower-case hexadecimal digits, got ${JSON.stringify(hex.slice(0, 80))}`);
  }
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
}

/** SHA-256 of `bytes` as 64 hexadecimal digits. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

export interface ChunkIdInputs {
  codec: number;
  modelFingerprint: string;
  profileId: string;
  /** 64 hexadecimal digits; `ZERO_ID` for public contexts. */
  tenantSalt: string;
  /** `ZERO_ID` for the first chunk. */
  parentChunkId: string;
  tokens: readonly number[] | Uint32Array;
}

/** The id of one chunk: a hash chain over everything its KV depends on. */
export async function chunkId(inputs: ChunkIdInputs): Promise<string> {
  const head = encoder.encode('kvedge/chunk/v1\0');
  const bytes = new Uint8Array(head.length + 3 + 4 * 32 + 4 + 4 * inputs.tokens.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  put(head);
  view.setUint16(at, FORMAT_VERSION, true);
  view.setUint8(at + 2, inputs.codec);
  at += 3;
  for (const id of [inputs.modelFingerprint, inputs.profileId, inputs.tenantSalt, inputs.parentChunkId]) {
    put(fromHex(id));
  }
  view.setUint32(at, inputs.tokens.length, true);
  at += 4;
  for (const token of inputs.tokens) {
    view.setUint32(at, token, true);
    at += 4;
  }
  return sha256Hex(bytes);
}

/** The ids of all chunks of a context, given its tokens chunk by chunk. */
export async function chunkIds(
  base: Omit<ChunkIdInputs, 'parentChunkId' | 'tokens'>,
  chunks: readonly (readonly number[] | Uint32Array)[],
): Promise<string[]> {
  const ids: string[] = [];
  for (const tokens of chunks) {
    ids.push(await chunkId({ ...base, parentChunkId: ids.at(-1) ?? ZERO_ID, tokens }));
  }
  return ids;
}

/** The id of a context: a hash of the id of its last chunk. */
export async function contextId(lastChunkId: string): Promise<string> {
  const head = encoder.encode('kvedge/context/v1\0');
  const bytes = new Uint8Array(head.length + 32);
  bytes.set(head);
  bytes.set(fromHex(lastChunkId), head.length);
  return sha256Hex(bytes);
}

/** Fingerprint of a model: the digest of its weights file and the geometry of its KV cache. */
export async function modelFingerprint(
  weightsSha256: string,
  geometry: { layers: number; kvHeads: number; keyHeadDim: number; valueHeadDim: number },
): Promise<string> {
  const head = encoder.encode('kvedge/model/v1\0');
  const bytes = new Uint8Array(head.length + 32 + 16);
  bytes.set(head);
  bytes.set(fromHex(weightsSha256), head.length);
  const view = new DataView(bytes.buffer, head.length + 32);
  [geometry.layers, geometry.kvHeads, geometry.keyHeadDim, geometry.valueHeadDim].forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  return sha256Hex(bytes);
}
