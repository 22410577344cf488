import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { EngineError } from '../errors.ts';
import type { GenerateOptions, Generation } from '../index.ts';
import { failed } from './engine-failed.ts';

/** Greedy generation: the most probable token each time (temperature 0). */
export async function generateGreedy(
  sequence: LlamaContextSequence,
  { promptTokens = new Uint32Array(), maxTokens, stopAtEnd = true, onToken, signal }: GenerateOptions,
): Promise<Generation> {
  const start = performance.now();
  const generated: number[] = [];
  let firstTokenMs: number | null = null;
  if (maxTokens > 0) {
    signal?.throwIfAborted();
    const prompt =
      promptTokens.length > 0 ? (Array.from(promptTokens) as Token[]) : [await takeLast(sequence)];
    const stream = sequence.evaluate(prompt, { temperature: 0, yieldEogToken: !stopAtEnd });
    try {
      for await (const token of stream) {
        firstTokenMs ??= performance.now() - start;
        onToken?.(token, generated.length);
        generated.push(token);
        if (generated.length >= maxTokens) break;
        signal?.throwIfAborted();
      }
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      throw failed('generating', cause);
    }
  }
  return { tokens: Uint32Array.from(generated), firstTokenMs, totalMs: performance.now() - start };
}

/** Takes the last token off the sequence: logits exist only for tokens just evaluated, so it is evaluated once more. */
async function takeLast(sequence: LlamaContextSequence): Promise<Token> {
  const last = sequence.contextTokens.at(-1);
  if (last === undefined) {
    throw new EngineError('engine-failed', {
      what: 'nothing can be generated',
      why: 'the sequence is empty and no prompt was given',
      remedy: 'Prefill or load a context, or pass promptTokens.',
    });
  }
  const end = sequence.nextTokenIndex;
  await sequence.eraseContextTokenRanges([{ start: end - 1, end }]);
  return last;
}
