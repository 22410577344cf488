/// <reference lib="esnext.float16" />

/** Writes the fields of docs/format.md one after the other, little-endian, without checking anything. */
export class ByteWriter {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  bytes(values: Iterable<number>): this {
    for (const value of values) this.#bytes.push(value & 255);
    return this;
  }

  ascii(text: string, size = text.length): this {
    return this.bytes(new TextEncoder().encode(text.padEnd(size, '\0')));
  }

  u8(value: number): this {
    return this.bytes([value]);
  }

  u16(value: number): this {
    return this.bytes([value, value >> 8]);
  }

  u24(value: number): this {
    return this.bytes([value, value >> 8, value >> 16]);
  }

  u32(value: number): this {
    return this.bytes([value, value >> 8, value >> 16, value >>> 24]);
  }

  f32(...values: number[]): this {
    return this.bytes(new Uint8Array(Float32Array.from(values).buffer));
  }

  f16(...values: number[]): this {
    return this.bytes(new Uint8Array(Float16Array.from(values).buffer));
  }

  hex(id: string): this {
    return this.bytes(Buffer.from(id, 'hex'));
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
