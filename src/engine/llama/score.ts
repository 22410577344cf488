import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import type { OnDistribution, ScoreOptions } from '../index.ts';
import { failed } from './engine-failed.ts';

/** Distributions per call: node-llama-cpp returns a Map over the vocabulary for each, about 3 MB at 49,152 tokens. */
const DISTRIBUTIONS_PER_CALL = 32;
const WITH_DISTRIBUTION = { generateNext: { probabilities: true } };

/**
 * Evaluates tokens and hands out the distribution after each. The engine gives float32 probabilities whose sum is off by
 * its own rounding; they are normalized again in double precision, so that differences between two runs are the model's.
 */
export async function scoreTokens(
  sequence: LlamaContextSequence,
  vocabularySize: number,
  tokens: Uint32Array,
  onDistribution: OnDistribution,
  { everyTokens = 1, signal }: ScoreOptions,
): Promise<void> {
  const tokensPerCall = DISTRIBUTIONS_PER_CALL * everyTokens;
  for (let done = 0; done < tokens.length; done += tokensPerCall) {
    signal?.throwIfAborted();
    const batch = Array.from(tokens.subarray(done, done + tokensPerCall)) as Token[];
    const results = await sequence
      .controlledEvaluate(
        batch.map((token, i) => (i % everyTokens === 0 ? [token, WITH_DISTRIBUTION] : token)),
      )
      .catch((cause: unknown) => {
        throw failed('scoring', cause);
      });
    for (let i = 0; i < batch.length; i += everyTokens) {
      const probabilities = results[i]?.next.probabilities;
      if (probabilities?.size !== vocabularySize) {
        throw failed(
          'scoring',
          new Error(`${probabilities?.size ?? 0} probabilities for ${vocabularySize} tokens`),
        );
      }
      onDistribution(done + i, logProbabilitiesOf(probabilities, vocabularySize));
    }
  }
}

function logProbabilitiesOf(probabilities: ReadonlyMap<Token, number>, vocabularySize: number): Float32Array {
  let sum = 0;
  for (const probability of probabilities.values()) sum += probability;
  const logSum = Math.log(sum);
  const logProbabilities = new Float32Array(vocabularySize);
  for (const [token, probability] of probabilities) logProbabilities[token] = Math.log(probability) - logSum;
  return logProbabilities;
}
