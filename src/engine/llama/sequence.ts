import { readFile, writeFile } from 'node:fs/promises';
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { EngineError } from '../errors.ts';
import type {
  EngineModel,
  EngineSequence,
  GenerateOptions,
  Generation,
  OnDistribution,
  PrefillOptions,
  ScoreOptions,
  SequenceOptions,
} from '../index.ts';
import { allocatePlanes, type KvPlanes, slicePlanes, type TokenRange } from '../planes.ts';
import { failed } from './engine-failed.ts';
import { generateGreedy } from './generate.ts';
import { scoreTokens } from './score.ts';
import { withScratchFile } from './scratch.ts';
import { encodeState } from './state-encode.ts';
import { boundedStateBytes } from './state-layout.ts';
import { parseState } from './state-parse.ts';

export interface ContextSettings {
  threads: number;
  batchTokens: number;
  flashAttention: boolean;
}

/** One llama.cpp context with a single sequence, so that cells, stream and sequence id are always those of a fresh cache. */
export class LlamaEngineSequence implements EngineSequence {
  readonly capacityTokens: number;
  readonly #model: EngineModel;
  readonly #settings: ContextSettings;
  readonly #context: LlamaContext;
  readonly #sequence: LlamaContextSequence;

  static async open(
    loaded: LlamaModel,
    model: EngineModel,
    { capacityTokens }: SequenceOptions,
    settings: ContextSettings,
  ): Promise<LlamaEngineSequence> {
    try {
      const context = await loaded.createContext({
        sequences: 1,
        contextSize: capacityTokens + 1, // node-llama-cpp keeps one cell free and would shift the context to have it
        batchSize: settings.batchTokens,
        threads: { ideal: settings.threads, min: settings.threads },
        flashAttention: settings.flashAttention,
        failedCreationRemedy: false,
      });
      return new LlamaEngineSequence(context, model, capacityTokens, settings);
    } catch (cause) {
      throw failed(`creating a context of ${capacityTokens} tokens`, cause);
    }
  }

  private constructor(
    context: LlamaContext,
    model: EngineModel,
    capacityTokens: number,
    settings: ContextSettings,
  ) {
    this.#context = context;
    this.#sequence = context.getSequence();
    this.#model = model;
    this.#settings = settings;
    this.capacityTokens = capacityTokens;
  }

  get tokens(): Uint32Array {
    return Uint32Array.from(this.#sequence.contextTokens);
  }

  async prefill(tokens: Uint32Array, { onProgress, signal }: PrefillOptions = {}): Promise<void> {
    this.#reserve(tokens.length);
    const { batchTokens } = this.#settings;
    for (let done = 0; done < tokens.length; done += batchTokens) {
      signal?.throwIfAborted();
      const batch = Array.from(tokens.subarray(done, done + batchTokens)) as Token[];
      await this.#sequence.evaluateWithoutGeneratingNewTokens(batch).catch((cause: unknown) => {
        throw failed(`evaluating tokens ${done} to ${done + batch.length}`, cause);
      });
      onProgress?.(done + batch.length, tokens.length);
    }
  }

  async readPlanes(range?: TokenRange): Promise<KvPlanes> {
    const { tokens } = this;
    const { geometry } = this.#model;
    if (tokens.length === 0) {
      const none = allocatePlanes(geometry, 0, 0);
      return range === undefined ? none : slicePlanes(none, range);
    }
    boundedStateBytes(geometry, tokens.length);
    const bytes = await withScratchFile(async (filePath) => {
      await this.#sequence.saveStateToFile(filePath).catch((cause: unknown) => {
        throw failed('saving its state', cause);
      });
      return readFile(filePath);
    });
    const valuesTransposed = !this.#settings.flashAttention;
    const { planes } = parseState(bytes, { geometry, tokens, valuesTransposed });
    return range === undefined ? planes : slicePlanes(planes, range);
  }

  async loadPlanes(tokens: Uint32Array, chunks: KvPlanes | readonly KvPlanes[]): Promise<void> {
    if (this.#sequence.nextTokenIndex !== 0) throw notEmpty(this.#sequence.nextTokenIndex);
    this.#reserve(tokens.length);
    this.#checkTokenIds(tokens);
    if (tokens.length === 0) return;
    const state = encodeState({
      geometry: this.#model.geometry,
      tokens,
      chunks: 'data' in chunks ? [chunks] : chunks,
      valuesTransposed: !this.#settings.flashAttention,
    });
    await withScratchFile(async (filePath) => {
      await writeFile(filePath, state, { flag: 'wx', mode: 0o600 });
      await this.#sequence.loadStateFromFile(filePath, { acceptRisk: true }).catch((cause: unknown) => {
        throw failed('loading a state', cause);
      });
    });
    if (this.#sequence.nextTokenIndex !== tokens.length) {
      throw failed(
        'loading a state',
        new Error(`it holds ${this.#sequence.nextTokenIndex} of ${tokens.length} tokens`),
      );
    }
  }

  generate(options: GenerateOptions): Promise<Generation> {
    this.#reserve((options.promptTokens?.length ?? 0) + options.maxTokens);
    return generateGreedy(this.#sequence, options);
  }

  score(tokens: Uint32Array, onDistribution: OnDistribution, options: ScoreOptions = {}): Promise<void> {
    this.#reserve(tokens.length);
    return scoreTokens(this.#sequence, this.#model.vocabularySize, tokens, onDistribution, options);
  }

  clear(): Promise<void> {
    return this.#sequence.clearHistory();
  }

  close(): Promise<void> {
    return this.#context.dispose();
  }

  #reserve(moreTokens: number): void {
    const held = this.#sequence.nextTokenIndex;
    if (held + moreTokens <= this.capacityTokens) return;
    throw new EngineError('context-too-long', {
      what: 'the tokens do not fit',
      why: 'the sequence would hold more tokens than it was opened for',
      expected: `at most ${this.capacityTokens}`,
      got: held + moreTokens,
      remedy: 'Open the sequence with a larger capacityTokens, or shorten the context.',
    });
  }

  #checkTokenIds(tokens: Uint32Array): void {
    const wrong = tokens.findIndex((token) => token >= this.#model.vocabularySize);
    if (wrong === -1) return;
    throw new EngineError('planes-mismatch', {
      what: 'the tokens were refused',
      why: 'a token id is outside the vocabulary',
      where: `token ${wrong}`,
      expected: `below ${this.#model.vocabularySize}`,
      got: tokens[wrong] as number,
      remedy: 'Use the tokenizer of this very model.',
    });
  }
}

function notEmpty(heldTokens: number): EngineError {
  return new EngineError('sequence-not-empty', {
    what: 'KV cannot be loaded',
    why: 'llama.cpp replaces a whole sequence, and this one is in use',
    expected: 0,
    got: `${heldTokens} tokens`,
    remedy: 'Call clear() first, or load all chunks in one call.',
  });
}
