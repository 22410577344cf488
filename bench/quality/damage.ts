/** Damage of one cache against the reference, over scored positions (shared/design quality protocol). */
export interface Damage {
  /** Mean Kullback-Leibler divergence from the reference distribution, nats per token. */
  kld: number;
  /** 99th percentile of the divergence. */
  kld99: number;
  /** Mean rise of the negative log-likelihood of the true next token, nats per token. */
  dnll: number;
  /** Share of positions whose most likely token is the same. */
  top1: number;
  positions: number;
}

/** Collects divergences position by position, so that no run's distributions need to be kept. */
export class DamageMeter {
  readonly #divergences: number[] = [];
  #nll = 0;
  #agreed = 0;

  /** `reference` and `candidate`: natural log-probabilities over the vocabulary; `next`: the true next token. */
  add(reference: Float32Array, candidate: Float32Array, next: number) {
    let divergence = 0;
    let bestReference = 0;
    let bestCandidate = 0;
    for (let v = 0; v < reference.length; v++) {
      const logP = reference[v] as number;
      const logQ = candidate[v] as number;
      // A probability that underflowed to zero in float32 adds nothing.
      if (logP > -80) divergence += Math.exp(logP) * (logP - Math.max(logQ, -103));
      if (logP > (reference[bestReference] as number)) bestReference = v;
      if (logQ > (candidate[bestCandidate] as number)) bestCandidate = v;
    }
    this.#divergences.push(divergence);
    this.#nll += (reference[next] as number) - Math.max(candidate[next] as number, -103);
    if (bestReference === bestCandidate) this.#agreed++;
  }

  result(): Damage {
    const positions = this.#divergences.length;
    const sorted = this.#divergences.toSorted((a, b) => a - b);
    return {
      kld: sorted.reduce((sum, value) => sum + value, 0) / positions,
      kld99: sorted[Math.min(positions - 1, Math.floor(0.99 * positions))] ?? Number.NaN,
      dnll: this.#nll / positions,
      top1: this.#agreed / positions,
      positions,
    };
  }
}

/** Pools several documents, each weighted by its scored positions; `kld99` is the worst document's. */
export function pool(parts: readonly Damage[]): Damage {
  const positions = parts.reduce((sum, part) => sum + part.positions, 0);
  const mean = (pick: (part: Damage) => number) =>
    parts.reduce((sum, part) => sum + pick(part) * part.positions, 0) / positions;
  return {
    kld: mean((part) => part.kld),
    kld99: Math.max(...parts.map((part) => part.kld99)),
    dnll: mean((part) => part.dnll),
    top1: mean((part) => part.top1),
    positions,
  };
}
