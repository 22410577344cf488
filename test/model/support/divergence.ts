import { expect } from 'vitest';

/** Mean Kullback-Leibler divergence, nats per position. */
export function divergence(reference: Float32Array[], candidate: Float32Array[]): number {
  expect(candidate.length).toBe(reference.length);
  const of = (p: Float32Array, q: Float32Array) =>
    p.reduce((sum, logP, i) => (logP > -80 ? sum + Math.exp(logP) * (logP - q[i]!) : sum), 0);
  return reference.reduce((sum, p, i) => sum + of(p, candidate[i]!), 0) / reference.length;
}
