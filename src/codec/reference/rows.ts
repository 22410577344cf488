/** 32 lanes of rANS states (docs/format.md, section 7.1). */
export const LANES = 32;

/** A row of tokens that are coded side by side, one per lane. */
export interface Row {
  /** Indices into the coded tokens, by rising lane. */
  tokens: number[];
  /** Shift of the token in the row's middle: chooses the class of the whole row. */
  shift: number;
}

/** docs/format.md, section 6.4: sorts tokens by (shift, position) and fills rows of 32. */
export function makeRows(shifts: number[]): Row[] {
  const sorted = shifts.map((_, token) => token).sort((a, b) => shifts[a]! - shifts[b]! || a - b);
  const rows: Row[] = [];
  for (let first = 0; first < sorted.length; first += LANES) {
    const tokens = sorted.slice(first, first + LANES);
    rows.push({ tokens, shift: shifts[tokens[Math.floor(tokens.length / 2)]!]! });
  }
  return rows;
}
