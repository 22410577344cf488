/** What greedy generation from a compressed cache shares with that from the exact one, over all documents. */
export interface GenerationReport {
  tokens: number;
  documents: number;
  levels: Record<string, GenerationLevel>;
}

export interface GenerationLevel {
  /** Mean share of the tokens that are equal, position by position. */
  equalTokens: number;
  /** Mean index of the first token that differs; the number of tokens where none does. */
  firstDivergence: number;
  /** Share of the documents without any difference. */
  identical: number;
}

/** `runs`: reference and candidate tokens of every document. */
export function compareGenerations(runs: readonly [Uint32Array, Uint32Array][]): GenerationLevel {
  const mean = (of: (run: readonly [Uint32Array, Uint32Array]) => number) =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const divergence = ([reference, candidate]: readonly [Uint32Array, Uint32Array]) => {
    const first = reference.findIndex((token, index) => candidate[index] !== token);
    return first === -1 ? reference.length : first;
  };
  const equal = ([reference, candidate]: readonly [Uint32Array, Uint32Array]) =>
    reference.filter((token, index) => candidate[index] === token).length / reference.length;
  return {
    equalTokens: mean(equal),
    firstDivergence: mean(divergence),
    identical: mean((run) => (divergence(run) === run[0].length ? 1 : 0)),
  };
}
