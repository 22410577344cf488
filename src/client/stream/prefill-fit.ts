import type { EngineSpeed } from '../controller/index.ts';

/** Attention makes a token this much dearer per token before it, until that was measured. */
const GUESSED_GROWTH = 1.5e-4;
/** Positions that lie closer together (standard deviation, tokens) tell nothing about growth. */
const LEAST_SPREAD = 150;
/** What a measurement leaves of the weight of those before it. */
const MEMORY = 0.97;

/** A line through what evaluating text cost: milliseconds per token over the position. Older measurements count less. */
export class PrefillFit {
  /** Sums over measurements: weight, position, cost, position squared, position times cost. */
  readonly sums: number[];

  constructor(sums: readonly number[] = [0, 0, 0, 0, 0]) {
    this.sums = [...sums];
  }

  /** @param weight tokens */
  add(position: number, msPerToken: number, weight: number): void {
    const added = [1, position, msPerToken, position * position, position * msPerToken];
    for (const [i, value] of added.entries()) this.sums[i] = this.sums[i]! * MEMORY + weight * value;
  }

  line(): Pick<EngineSpeed, 'prefillMsPerToken' | 'prefillMsPerTokenPerPosition'> | undefined {
    const [weight, x, y, xx, xy] = this.sums as [number, number, number, number, number];
    if (!(weight > 0 && y > 0)) return undefined;
    const meanX = x / weight;
    const meanY = y / weight;
    const variance = xx / weight - meanX * meanX;
    if (variance >= LEAST_SPREAD ** 2) {
      const slope = Math.max(0, (xy / weight - meanX * meanY) / variance);
      const atZero = meanY - slope * meanX;
      if (atZero > 0) return { prefillMsPerToken: atZero, prefillMsPerTokenPerPosition: slope };
    }
    const atZero = meanY / (1 + GUESSED_GROWTH * meanX);
    return { prefillMsPerToken: atZero, prefillMsPerTokenPerPosition: atZero * GUESSED_GROWTH };
  }
}
