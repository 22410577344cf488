import { access } from 'node:fs/promises';
import { availableParallelism, endianness } from 'node:os';
import type { Llama, LlamaModel, Token } from 'node-llama-cpp';
import { EngineError } from '../errors.ts';
import { modelFingerprint } from '../fingerprint.ts';
import type { Engine, EngineModel, EngineSequence, SequenceOptions, TokenizeOptions } from '../index.ts';
import { type Binding, type BindingOptions, loadBinding, startLlama } from './binding.ts';
import { failed } from './engine-failed.ts';
import { type FileDigestOptions, fileDigest } from './file-digest.ts';
import { type InspectedModel, inspectModel } from './inspect.ts';
import { readFreqFactors } from './rope-factors.ts';
import { type ContextSettings, LlamaEngineSequence } from './sequence.ts';

export interface LlamaEngineOptions extends BindingOptions {
  /** Path of a GGUF file. */
  modelPath: string;
  /** Threads for evaluation. Default: all the process may use. */
  threads?: number;
  /** Tokens evaluated at once. Default 512. */
  batchTokens?: number;
  /** Default true: faster, and values need no transposing on the way in and out. */
  flashAttention?: boolean;
  /** Progress of hashing the model file, when its digest is not known yet. */
  onHashProgress?: FileDigestOptions['onProgress'];
}

const DEFAULT_BATCH_TOKENS = 512;

/**
 * Loads a GGUF model in llama.cpp through node-llama-cpp.
 *
 * Throws `engine-missing`, `model-not-found`, `model-invalid`, `model-unsupported`, `engine-failed`.
 */
export async function openLlamaEngine(options: LlamaEngineOptions): Promise<Engine> {
  const { modelPath } = options;
  if (endianness() !== 'LE') throw bigEndian();
  const binding = await loadBinding();
  await access(modelPath).catch((cause) => {
    throw notFound(modelPath, cause);
  });
  const inspected = await inspectGguf(binding, modelPath);
  const hashing = options.onHashProgress === undefined ? {} : { onProgress: options.onHashProgress };
  const fileSha256 = await fileDigest(modelPath, hashing);
  const at = inspected.freqFactorsAt;
  const freqFactors = at === null ? null : await readFreqFactors(modelPath, at.fileOffset, at.count);
  const llama = await startLlama(binding, options);
  try {
    const model = await llama.loadModel({ modelPath });
    return new LlamaEngine(llama, model, describe(inspected, fileSha256, freqFactors, model), {
      threads: options.threads ?? availableParallelism(),
      batchTokens: options.batchTokens ?? DEFAULT_BATCH_TOKENS,
      flashAttention: options.flashAttention ?? true,
    });
  } catch (cause) {
    await llama.dispose();
    throw failed('loading the model', cause);
  }
}

async function inspectGguf(binding: Binding, modelPath: string): Promise<InspectedModel> {
  let info: Awaited<ReturnType<Binding['readGgufFileInfo']>>;
  try {
    info = await binding.readGgufFileInfo(modelPath, { sourceType: 'filesystem', logWarnings: false });
  } catch (cause) {
    throw new EngineError('model-invalid', {
      what: 'the model file cannot be read',
      why: 'it is no GGUF file, or it is damaged',
      where: modelPath,
      remedy: 'Download the model again.',
      cause,
    });
  }
  return inspectModel(info);
}

function describe(
  inspected: InspectedModel,
  fileSha256: Uint8Array,
  freqFactors: Float32Array | null,
  model: LlamaModel,
): EngineModel {
  const { name, architecture, geometry, vocabularySize, trainedContextTokens } = inspected;
  return {
    name,
    architecture,
    geometry,
    vocabularySize,
    trainedContextTokens,
    rope: { ...inspected.rope, freqFactors },
    fileSha256,
    fingerprint: modelFingerprint(fileSha256, geometry),
    bosToken: model.tokens.bos,
    eosToken: model.tokens.eos,
    prependsBos: model.tokens.shouldPrependBosToken,
  };
}

class LlamaEngine implements Engine {
  readonly model: EngineModel;
  readonly #llama: Llama;
  readonly #loaded: LlamaModel;
  readonly #settings: ContextSettings;

  constructor(llama: Llama, loaded: LlamaModel, model: EngineModel, settings: ContextSettings) {
    this.model = model;
    this.#llama = llama;
    this.#loaded = loaded;
    this.#settings = settings;
  }

  tokenize(text: string, { bos = 'model', specialTokens = false }: TokenizeOptions = {}): Uint32Array {
    const wantsBos = bos === 'model' ? this.model.prependsBos : bos;
    const start = wantsBos && this.model.bosToken !== null ? [this.model.bosToken] : [];
    return Uint32Array.from([...start, ...this.#loaded.tokenize(text, specialTokens)]);
  }

  detokenize(tokens: Uint32Array): string {
    return this.#loaded.detokenize(Array.from(tokens) as Token[]);
  }

  openSequence(options: SequenceOptions): Promise<EngineSequence> {
    return LlamaEngineSequence.open(this.#loaded, this.model, options, this.#settings);
  }

  async close(): Promise<void> {
    await this.#loaded.dispose();
    await this.#llama.dispose();
  }
}

function notFound(modelPath: string, cause: unknown): EngineError {
  return new EngineError('model-not-found', {
    what: 'the model cannot be opened',
    why: 'there is no readable file',
    where: modelPath,
    remedy: 'Check the path, or run `kvedge model fetch`.',
    cause,
  });
}

function bigEndian(): EngineError {
  return new EngineError('engine-missing', {
    what: 'the llama.cpp engine is not available',
    why: 'state files are read as little-endian and this machine is big-endian',
    remedy: 'Use another machine.',
  });
}
