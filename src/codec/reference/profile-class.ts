import type { ByteReader } from './byte-reader.ts';
import { fail, inRange } from './fail.ts';

/** Frequencies in 1/4096 and their running sums: what section 7.1 needs to find a symbol. */
export interface FrequencyTable {
  freq: number[];
  start: number[];
}

/** docs/format.md, section 4.1. */
export interface CoefficientClass {
  /** A: largest magnitude with a symbol of its own. */
  maxMagnitude: number;
  escapeOrder: number;
  base: FrequencyTable;
  zero: FrequencyTable;
  nonzero: FrequencyTable;
}

export function readClass(reader: ByteReader): CoefficientClass {
  const maxMagnitude = inRange(reader.u8(), 1, 15, 'A');
  return {
    maxMagnitude,
    escapeOrder: inRange(reader.u8(), 0, 15, 'escapeOrder'),
    base: readTable(reader, 2 * maxMagnitude + 2),
    zero: readTable(reader, 3),
    nonzero: readTable(reader, 3),
  };
}

function readTable(reader: ByteReader, count: number): FrequencyTable {
  const table: FrequencyTable = { freq: [], start: [] };
  let sum = 0;
  for (let symbol = 0; symbol < count; symbol++) {
    const freq = inRange(reader.u16(), 1, 4096, 'a frequency');
    table.freq.push(freq);
    table.start.push(sum);
    sum += freq;
  }
  if (sum !== 4096) fail('corrupt', `frequencies sum to ${sum}, expected 4096`);
  return table;
}
