/** A symbol's interval of the 4096 slots. */
export interface Interval {
  start: number;
  freq: number;
}

/** Encodes rows of symbols for docs/format.md section 7: last symbol first, so that the decoder reads forwards. */
export function encodeRows(rows: Interval[][], lanes: number): { states: number[]; words: number[] } {
  const states: number[] = new Array(lanes).fill(65536);
  const words: number[] = [];
  for (const row of rows.toReversed()) {
    for (let lane = row.length - 1; lane >= 0; lane--) {
      const { start, freq } = row[lane]!;
      let state = states[lane]!;
      if (state >= freq * 2 ** 20) {
        words.unshift(state % 65536);
        state = Math.floor(state / 65536);
      }
      states[lane] = Math.floor(state / freq) * 4096 + (state % freq) + start;
    }
  }
  return { states, words };
}

/** Escape bits of section 7.3. */
export class EscapeWriter {
  readonly #bits: number[] = [];

  write(value: number, maxMagnitude: number, order: number): void {
    let rest = Math.abs(value) - maxMagnitude - 1;
    let zeros = 0;
    while (rest >= 2 ** (zeros + order)) rest -= 2 ** (zeros++ + order);
    for (let i = 0; i < zeros; i++) this.#bits.push(0);
    this.#bits.push(1);
    for (let bit = zeros + order - 1; bit >= 0; bit--) this.#bits.push(Math.floor(rest / 2 ** bit) % 2);
    this.#bits.push(value < 0 ? 1 : 0);
  }

  finish(): number[] {
    const bytes: number[] = [];
    for (let at = 0; at < this.#bits.length; at += 8) {
      const byte = this.#bits.slice(at, at + 8);
      bytes.push(Number.parseInt(byte.join('').padEnd(8, '0'), 2));
    }
    return bytes;
  }
}
