/** Neighbouring principal components of a token that share a scale, and the bits of each. */
export interface ComponentGroup {
  start: number;
  size: number;
  bits: number;
}

/** Coefficients of calibration tokens, [tokens][rank]. */
export interface CoefficientSample {
  values: Float32Array;
  tokens: number;
  rank: number;
}

/** Sizes of a group: those of the paper. A group of one is that value as f16. */
const SIZES = [1, 16, 64, 256, 1024];
const BITS = [0, 1, 2, 3, 4, 5, 6, 8];
const SINGLE_BITS = 16;
/** Shift and scale of a group, f16 each, for every token. */
const GROUP_BITS = 32;

/** One choice of the dynamic program: mean squared error and bits, both per token. */
interface Choice extends ComponentGroup {
  error: number;
  cost: number;
}

/** All choices by where they start; a group starts at a multiple of its size. */
export function groupChoices(sample: CoefficientSample): Choice[][] {
  const choices: Choice[][] = Array.from({ length: sample.rank }, () => []);
  for (const size of SIZES) {
    for (let start = 0; start + size <= sample.rank; start += size) {
      for (const bits of size === 1 ? [0, SINGLE_BITS] : BITS) {
        const cost = bits === 0 || size === 1 ? bits : size * bits + GROUP_BITS;
        choices[start]!.push({ start, size, bits, cost, error: meanError(sample, start, size, bits) });
      }
    }
  }
  return choices;
}

/** Groups that tile the components with the least error + lambda x bits. */
export function allocateBits(choices: readonly Choice[][], lambda: number) {
  const rank = choices.length;
  const best = new Float64Array(rank + 1).fill(Number.POSITIVE_INFINITY);
  const taken = new Array<Choice>(rank + 1);
  best[0] = 0;
  for (let start = 0; start < rank; start++) {
    for (const choice of choices[start]!) {
      const total = best[start]! + choice.error + lambda * choice.cost;
      if (total >= best[start + choice.size]!) continue;
      best[start + choice.size] = total;
      taken[start + choice.size] = choice;
    }
  }
  const groups: ComponentGroup[] = [];
  let bitsPerToken = 0;
  for (let end = rank; end > 0; ) {
    const { start, size, bits, cost } = taken[end]!;
    groups.unshift({ start, size, bits });
    bitsPerToken += cost;
    end = start;
  }
  return { groups, bitsPerToken };
}

/** The largest allocation within a budget of bits per token over several sets of components, at one slope. */
export function allocateWithin(sets: readonly Choice[][][], bitsPerToken: number): ComponentGroup[][] {
  let [low, high] = [-60, 60];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    const spent = sets.reduce((sum, choices) => sum + allocateBits(choices, 2 ** middle).bitsPerToken, 0);
    if (spent > bitsPerToken) low = middle;
    else high = middle;
  }
  return sets.map((choices) => allocateBits(choices, 2 ** high).groups);
}

function meanError(
  { values, tokens, rank }: CoefficientSample,
  start: number,
  size: number,
  bits: number,
): number {
  if (size === 1 && bits > 0) return 0;
  let sum = 0;
  for (let token = 0; token < tokens; token++) {
    const from = token * rank + start;
    if (bits === 0) {
      for (let i = from; i < from + size; i++) sum += values[i]! ** 2;
      continue;
    }
    const { shift, scale } = affine(values, from, size, bits);
    for (let i = from; i < from + size; i++) {
      const index = scale === 0 ? 0 : Math.round((values[i]! - shift) / scale);
      sum += (values[i]! - shift - index * scale) ** 2;
    }
  }
  return sum / tokens;
}

/** Shift and scale that take a group's values to 0 .. 2^bits - 1. */
export function affine(values: Float32Array, from: number, size: number, bits: number) {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = from; i < from + size; i++) {
    least = Math.min(least, values[i]!);
    most = Math.max(most, values[i]!);
  }
  return { shift: Math.f16round(least), scale: Math.f16round((most - least) / (2 ** bits - 1)) };
}
