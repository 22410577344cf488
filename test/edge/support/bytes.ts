/** Writes little-endian fields one after the other. */
export class Fields {
  readonly #parts: number[] = [];

  u8(...values: number[]): this {
    this.#parts.push(...values.map((value) => value & 0xff));
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.u8(value, value >>> 8);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.u8(value, value >>> 8, value >>> 16, value >>> 24);
    return this;
  }

  f32(...values: number[]): this {
    for (const value of values) this.u8(...new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  /** Repeats what `write` writes. */
  times(count: number, write: (fields: this) => void): this {
    for (let i = 0; i < count; i++) write(this);
    return this;
  }

  hex(text: string): this {
    return this.u8(...(text.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
  }

  name(text: string): this {
    return this.u8(...Array.from({ length: 16 }, (_, i) => text.charCodeAt(i) || 0));
  }

  get length(): number {
    return this.#parts.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#parts);
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function withCrc(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(bytes, new Fields().u32(crc32c(bytes)).bytes());
}
