/// <reference lib="esnext.float16" />
import type { CodecErrorCode } from '../errors.ts';
import { fail } from './fail.ts';

/**
 * Reads the fields of a file one after the other (docs/format.md, section 1: little-endian, no padding).
 * Running out of bytes is `truncated`, or what `whenShort` says: a part whose own size and CRC were right is `corrupt` when
 * its fields need more. Floats that are not finite are `corrupt`.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #whenShort: CodecErrorCode;
  #offset = 0;

  constructor(bytes: Uint8Array, what: string, whenShort: CodecErrorCode = 'truncated') {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#whenShort = whenShort;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** Moves over `count` bytes and returns where they start. */
  #advance(count: number): number {
    if (count > this.remaining) {
      const where = `${this.#what}, offset ${this.#offset}`;
      fail(this.#whenShort, `${where}: ${count} bytes expected, ${this.remaining} found`);
    }
    const start = this.#offset;
    this.#offset += count;
    return start;
  }

  /** A view, not a copy. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u24(): number {
    return this.u16() + 65536 * this.u8();
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  f32(): number {
    const start = this.#advance(4);
    return this.#finite(this.#view.getFloat32(start, true), start);
  }

  f16(): number {
    const start = this.#advance(2);
    return this.#finite(this.#view.getFloat16(start, true), start);
  }

  /** `count` f32 values; checks the size before it allocates. */
  f32Array(count: number): Float32Array {
    const part = new ByteReader(this.take(4 * count), this.#what);
    return Float32Array.from({ length: count }, () => part.f32());
  }

  /** A positive f32: `corrupt` if it is not. */
  positive(what: string): number {
    const value = this.f32();
    if (!(value > 0)) fail('corrupt', `${what} is ${value}, expected a positive number`);
    return value;
  }

  /** 32 bytes as 64 lower-case hexadecimal digits (section 3). */
  id(): string {
    return Buffer.from(this.take(32)).toString('hex');
  }

  /** A name: 1 to 16 of a-z, 0-9 and '-', padded with zero bytes to 16 (section 1). */
  name(): string {
    const text = String.fromCharCode(...this.take(16));
    const match = /^([a-z0-9-]{1,16})\0*$/.exec(text);
    if (match === null) return fail('corrupt', `${this.#what}: ${JSON.stringify(text)} is not a name`);
    return match[1]!;
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.remaining > 0) fail('corrupt', `${this.#what}: ${this.remaining} bytes are left over`);
  }

  #finite(value: number, start: number): number {
    if (!Number.isFinite(value)) fail('corrupt', `${this.#what}, offset ${start}: ${value} is not finite`);
    return value;
  }
}
