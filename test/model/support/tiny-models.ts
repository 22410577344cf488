import { type TinyShape, writeTinyGguf } from './tiny-gguf.ts';

const WIDTH_BOUND: TinyShape = {
  width: 96,
  heads: 3,
  kvHeads: 1,
  headDim: 32,
  feedForward: 160,
  layers: 3,
};
/** Heads larger than width / heads, where the architecture allows them. */
const WIDE_HEADS: TinyShape = { ...WIDTH_BOUND, heads: 4, kvHeads: 2, headDim: 64 };
const VOCABULARY = 257;

interface TinyModel {
  architecture: string;
  shape: TinyShape;
  metadata?: Record<string, string | number | { u32: number }>;
  /** Additional tensors, or null for some that the architecture lacks. */
  tensors?: (shape: TinyShape) => Record<string, number[] | null>;
}

const vector = (size: number) => [size];
const perLayer = (
  { layers }: TinyShape,
  tensors: Record<string, number[] | null>,
): Record<string, number[] | null> =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, layer) =>
      Object.entries(tensors).map(([name, dims]) => [`blk.${layer}.${name}`, dims] as const),
    ).flat(),
  );
const headNorms = (shape: TinyShape) =>
  perLayer(shape, {
    'attn_q_norm.weight': vector(shape.headDim),
    'attn_k_norm.weight': vector(shape.headDim),
  });
const biases = (shape: TinyShape) =>
  perLayer(shape, {
    'attn_q.bias': vector(shape.heads * shape.headDim),
    'attn_k.bias': vector(shape.kvHeads * shape.headDim),
    'attn_v.bias': vector(shape.kvHeads * shape.headDim),
  });
const EXPERTS = 4;
const EXPERT_WIDTH = 48;
const experts = (shape: TinyShape) =>
  perLayer(shape, {
    'ffn_gate.weight': null,
    'ffn_up.weight': null,
    'ffn_down.weight': null,
    'ffn_gate_inp.weight': [shape.width, EXPERTS],
    'ffn_gate_exps.weight': [shape.width, EXPERT_WIDTH, EXPERTS],
    'ffn_up_exps.weight': [shape.width, EXPERT_WIDTH, EXPERTS],
    'ffn_down_exps.weight': [EXPERT_WIDTH, shape.width, EXPERTS],
  });
const EXPERT_METADATA = {
  expert_count: { u32: EXPERTS },
  expert_used_count: { u32: 2 },
  expert_feed_forward_length: { u32: EXPERT_WIDTH },
};

/** One or more of every supported architecture, by name. */
export const TINY_MODELS: Readonly<Record<string, TinyModel>> = {
  llama: { architecture: 'llama', shape: WIDE_HEADS },
  'llama with frequency factors and linear scaling': {
    architecture: 'llama',
    shape: WIDTH_BOUND,
    metadata: { 'rope.scaling.type': 'linear', 'rope.scaling.factor': 4 },
    tensors: ({ headDim }) => ({ 'rope_freqs.weight': vector(headDim / 2) }),
  },
  arcee: {
    architecture: 'arcee',
    shape: WIDE_HEADS,
    tensors: (shape) => perLayer(shape, { 'ffn_gate.weight': null }),
  },
  internlm2: { architecture: 'internlm2', shape: WIDTH_BOUND },
  qwen2: { architecture: 'qwen2', shape: WIDTH_BOUND, tensors: biases },
  qwen2moe: {
    architecture: 'qwen2moe',
    shape: WIDTH_BOUND,
    metadata: { ...EXPERT_METADATA, expert_shared_feed_forward_length: { u32: EXPERT_WIDTH } },
    tensors: (shape) => ({
      ...biases(shape),
      ...experts(shape),
      ...perLayer(shape, {
        'ffn_gate_inp_shexp.weight': vector(shape.width),
        'ffn_gate_shexp.weight': [shape.width, EXPERT_WIDTH],
        'ffn_up_shexp.weight': [shape.width, EXPERT_WIDTH],
        'ffn_down_shexp.weight': [EXPERT_WIDTH, shape.width],
      }),
    }),
  },
  qwen3: { architecture: 'qwen3', shape: WIDE_HEADS, tensors: headNorms },
  qwen3moe: {
    architecture: 'qwen3moe',
    shape: WIDE_HEADS,
    metadata: EXPERT_METADATA,
    tensors: (shape) => ({ ...headNorms(shape), ...experts(shape) }),
  },
  gemma: {
    architecture: 'gemma',
    shape: WIDE_HEADS,
    tensors: () => ({ 'output.weight': null }),
  },
  olmo2: {
    architecture: 'olmo2',
    shape: WIDTH_BOUND,
    tensors: (shape) =>
      perLayer(shape, {
        'attn_norm.weight': null,
        'ffn_norm.weight': null,
        'attn_q_norm.weight': vector(shape.width),
        'attn_k_norm.weight': vector(shape.kvHeads * shape.headDim),
        'post_attention_norm.weight': vector(shape.width),
        'post_ffw_norm.weight': vector(shape.width),
      }),
  },
  starcoder2: {
    architecture: 'starcoder2',
    shape: WIDTH_BOUND,
    metadata: { 'attention.layer_norm_epsilon': 1e-5 },
    tensors: (shape) => ({
      'output_norm.bias': vector(shape.width),
      ...biases(shape),
      ...perLayer(shape, {
        'attn_norm.bias': vector(shape.width),
        'attn_output.bias': vector(shape.width),
        'ffn_norm.bias': vector(shape.width),
        'ffn_gate.weight': null,
        'ffn_up.bias': vector(shape.feedForward),
        'ffn_down.bias': vector(shape.width),
      }),
    }),
  },
};

/** Writes one of `TINY_MODELS` as a GGUF file. */
export function writeTinyModel(file: string, name: string): void {
  const { architecture, shape, metadata = {}, tensors: more = () => ({}) } = TINY_MODELS[name]!;
  const { width, heads, kvHeads, headDim, feedForward, layers } = shape;
  const tensors = {
    'token_embd.weight': [width, VOCABULARY],
    'output_norm.weight': [width],
    'output.weight': [width, VOCABULARY],
    ...perLayer(shape, {
      'attn_norm.weight': [width],
      'attn_q.weight': [width, heads * headDim],
      'attn_k.weight': [width, kvHeads * headDim],
      'attn_v.weight': [width, kvHeads * headDim],
      'attn_output.weight': [heads * headDim, width],
      'ffn_norm.weight': [width],
      'ffn_gate.weight': [width, feedForward],
      'ffn_up.weight': [width, feedForward],
      'ffn_down.weight': [feedForward, width],
    }),
    ...more(shape),
  };
  const present = Object.entries(tensors).filter((entry): entry is [string, number[]] => entry[1] !== null);
  const sizes = {
    block_count: { u32: layers },
    context_length: { u32: 2048 },
    embedding_length: { u32: width },
    feed_forward_length: { u32: feedForward },
    'attention.head_count': { u32: heads },
    'attention.head_count_kv': { u32: kvHeads },
    'attention.key_length': { u32: headDim },
    'attention.value_length': { u32: headDim },
    'attention.layer_norm_rms_epsilon': 1e-6,
    'rope.freq_base': 50_000,
    'rope.dimension_count': { u32: headDim },
  };
  writeTinyGguf(file, architecture, { ...sizes, ...metadata }, Object.fromEntries(present));
}
