import type { ByteReader } from './byte-reader.ts';
import { fail } from './fail.ts';
import type { FrequencyTable } from './profile-class.ts';

const LOW = 65536;

/** docs/format.md, section 7: rANS states that share one stream of u16 words. */
export class RansDecoder {
  readonly #states: number[];
  readonly #words: ByteReader;

  constructor(states: number[], words: ByteReader) {
    if (states.some((state) => state < LOW)) fail('corrupt', 'a first rANS state is below 2^16');
    this.#states = states;
    this.#words = words;
  }

  /** Section 7.1: the number of the next symbol of each lane in use, by the table of that lane. */
  decodeRow(tables: FrequencyTable[]): number[] {
    const symbols: number[] = [];
    for (const [lane, table] of tables.entries()) {
      const state = this.#states[lane]!;
      const slot = state % 4096;
      const symbol = table.start.findLastIndex((start) => start <= slot);
      symbols.push(symbol);
      this.#states[lane] = table.freq[symbol]! * Math.floor(state / 4096) + slot - table.start[symbol]!;
    }
    for (let lane = 0; lane < tables.length; lane++) {
      if (this.#states[lane]! < LOW) this.#states[lane] = this.#states[lane]! * LOW + this.#nextWord();
    }
    return symbols;
  }

  #nextWord(): number {
    if (this.#words.remaining === 0) fail('corrupt', 'a segment has too few rANS words');
    return this.#words.u16();
  }

  /** Section 7.2: an intact segment ends where its encoder began. */
  end(): void {
    if (this.#states.some((state) => state !== LOW)) fail('corrupt', 'a last rANS state is not 2^16');
    this.#words.end();
  }
}
