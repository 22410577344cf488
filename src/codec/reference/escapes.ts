import { fail } from './fail.ts';

const MAX_MAGNITUDE = 2 ** 20;
const MAX_ZEROS = 20;

/** docs/format.md, section 7.3: magnitudes above A, read most significant bit first. */
export class EscapeReader {
  readonly #bytes: Uint8Array;
  #bit = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  #nextBit(): number {
    const byte = this.#bytes[this.#bit >> 3];
    if (byte === undefined) return fail('corrupt', 'a segment has too few escape bits');
    return (byte >> (7 - (this.#bit++ & 7))) & 1;
  }

  /** The next escaped integer of a class with largest own magnitude `maxMagnitude` (A). */
  next(maxMagnitude: number, order: number): number {
    let zeros = 0;
    while (this.#nextBit() === 0) {
      if (++zeros > MAX_ZEROS) fail('corrupt', `an escape begins with more than ${MAX_ZEROS} zeros`);
    }
    let b = 0;
    for (let i = 0; i < zeros + order; i++) b = 2 * b + this.#nextBit();
    const magnitude = maxMagnitude + 1 + (2 ** zeros - 1) * 2 ** order + b;
    if (magnitude > MAX_MAGNITUDE) fail('corrupt', `an escape of magnitude ${magnitude}`);
    return this.#nextBit() === 1 ? -magnitude : magnitude;
  }

  /** Fewer than 8 bits remain, all zero. */
  end(): void {
    if (8 * this.#bytes.length - this.#bit >= 8) fail('corrupt', 'escape bytes are left over');
    while (this.#bit < 8 * this.#bytes.length) {
      if (this.#nextBit() !== 0) fail('corrupt', 'the padding of the escape bits is not 0');
    }
  }
}
