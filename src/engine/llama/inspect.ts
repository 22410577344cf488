import { EngineError } from '../errors.ts';
import type { RopeParameters } from '../index.ts';
import type { KvGeometry } from '../planes.ts';
import { refusalOf, SUPPORTED_ARCHITECTURES, type SupportedArchitecture } from './architectures.ts';
import {
  type ArchitectureMetadata,
  type GgufInfo,
  readArchitecture,
  readGeneral,
  readVocabularySize,
} from './gguf-metadata.ts';

/** Bounds on what a GGUF may claim; the largest models known have 126 layers, 128 KV heads and 576 values per head. */
const MAX_LAYERS = 1024;
const MAX_KV_HEADS = 1024;
const MAX_HEAD_DIM = 4096;

export interface InspectedModel {
  name: string;
  architecture: string;
  geometry: KvGeometry;
  rope: Omit<RopeParameters, 'freqFactors'>;
  /** Where the frequency factors are in the file, if the model has them. */
  freqFactorsAt: { fileOffset: number; count: number } | null;
  vocabularySize: number;
  trainedContextTokens: number;
}

/**
 * Reads from GGUF metadata what kvedge needs to know of a model, with llama.cpp's defaults (llama_model_base::load_hparams).
 * Throws `model-unsupported` for anything but standard attention in every layer, `model-invalid` for contradictions.
 */
export function inspectModel(info: GgufInfo): InspectedModel {
  const { architecture, name } = readGeneral(info);
  const supported = SUPPORTED_ARCHITECTURES.get(architecture);
  if (supported === undefined) throw unsupported(architecture, refusalOf(architecture));
  if (info.splicedParts > 1) throw unsupported(architecture, 'the model is split over several files');
  const metadata = readArchitecture(info, architecture);
  refuseByMetadata(architecture, metadata);

  const heads = metadata.attention.head_count;
  const defaultHeadDim = metadata.embedding_length / heads;
  const geometry: KvGeometry = {
    layers: bounded('block_count', metadata.block_count, MAX_LAYERS),
    kvHeads: bounded('attention.head_count_kv', uniformKvHeads(architecture, metadata), MAX_KV_HEADS),
    keyHeadDim: bounded(
      'attention.key_length',
      metadata.attention.key_length ?? defaultHeadDim,
      MAX_HEAD_DIM,
    ),
    valueHeadDim: bounded(
      'attention.value_length',
      metadata.attention.value_length ?? defaultHeadDim,
      MAX_HEAD_DIM,
    ),
  };
  const rope = ropeOf(supported, metadata, geometry.keyHeadDim);
  return {
    name,
    architecture,
    geometry,
    rope,
    freqFactorsAt: freqFactorsAt(architecture, supported, info, rope.dims),
    vocabularySize: readVocabularySize(info, metadata),
    trainedContextTokens: metadata.context_length,
  };
}

function refuseByMetadata(architecture: string, metadata: ArchitectureMetadata): void {
  const { attention, rope, ssm } = metadata;
  const refusals: [boolean, string][] = [
    [(attention.sliding_window ?? 0) > 0, 'it attends through a sliding window'],
    [attention.kv_lora_rank !== undefined, 'it caches latents (MLA) instead of keys and values'],
    [attention.causal === false, 'its attention is not causal'],
    [ssm !== undefined, 'it keeps a recurrent state besides the KV cache'],
    [rope?.dimension_sections?.some((section) => section !== 0) ?? false, 'it uses M-RoPE'],
    [
      !['none', 'linear'].includes(rope?.scaling?.type ?? 'none'),
      `its RoPE scaling is ${rope?.scaling?.type}`,
    ],
    [(rope?.scaling?.attn_factor ?? 1) !== 1, 'its RoPE changes the length of keys (attn_factor)'],
  ];
  const refusal = refusals.find(([applies]) => applies);
  if (refusal !== undefined) throw unsupported(architecture, refusal[1]);
}

function ropeOf(supported: SupportedArchitecture, metadata: ArchitectureMetadata, keyHeadDim: number) {
  const { rope } = metadata;
  const factor = rope?.scaling?.factor ?? rope?.scale_linear ?? 0;
  const scales = factor !== 0 && rope?.scaling?.type !== 'none';
  const dims = bounded('rope.dimension_count', rope?.dimension_count ?? keyHeadDim, keyHeadDim);
  if (dims % 2 !== 0) throw invalid('rope.dimension_count', 'an even number', dims);
  return {
    layout: supported.rope,
    dims,
    freqBase: rope?.freq_base ?? 10_000,
    freqScale: scales ? 1 / factor : 1,
  };
}

/** One number for all layers, or the same number for each. */
function uniformKvHeads(architecture: string, metadata: ArchitectureMetadata): number {
  const kvHeads = metadata.attention.head_count_kv ?? metadata.attention.head_count;
  if (typeof kvHeads === 'number') return kvHeads;
  const [first] = kvHeads;
  if (first === undefined || kvHeads.some((count) => count !== first)) {
    throw unsupported(architecture, 'its layers differ in the number of KV heads');
  }
  return first;
}

function freqFactorsAt(
  architecture: string,
  supported: SupportedArchitecture,
  info: GgufInfo,
  ropeDims: number,
) {
  const tensors = info.tensorInfo ?? [];
  if (tensors.some(({ name }) => /rope_factors_(long|short)/.test(name))) {
    throw unsupported(architecture, 'its RoPE factors change with the context length (LongRoPE)');
  }
  const tensor = tensors.find(({ name }) => name === 'rope_freqs.weight');
  if (tensor === undefined) return null;
  if (!supported.freqFactors)
    throw unsupported(architecture, 'it brings RoPE factors that llama.cpp does not read');
  const GGML_TYPE_F32 = 0;
  if (tensor.ggmlType !== GGML_TYPE_F32 || tensor.dimensions.length !== 1) {
    throw invalid(
      'rope_freqs.weight',
      'a vector of F32',
      `type ${tensor.ggmlType}, ${tensor.dimensions.length} dims`,
    );
  }
  const count = Number(tensor.dimensions[0]);
  if (count !== ropeDims / 2) throw invalid('rope_freqs.weight', ropeDims / 2, count);
  return { fileOffset: Number(tensor.fileOffset), count };
}

function bounded(field: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 1 || value > max) throw invalid(field, `1..${max}`, value);
  return value;
}

function unsupported(architecture: string, why: string): EngineError {
  return new EngineError('model-unsupported', {
    what: `models of architecture "${architecture}" cannot be used`,
    why,
    remedy: `Use a model of one of: ${[...SUPPORTED_ARCHITECTURES.keys()].join(', ')}.`,
  });
}

function invalid(field: string, expected: string | number, got: string | number): EngineError {
  return new EngineError('model-invalid', {
    what: 'the GGUF metadata were refused',
    why: 'a value is impossible',
    where: field,
    expected,
    got,
    remedy: 'Download or convert the model again.',
  });
}
