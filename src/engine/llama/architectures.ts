/**
 * Which GGUF architectures kvedge carries: one plain KV cache, every layer alike, full causal attention, and keys that go
 * from ggml_rope_ext straight into the cache. Judged from llama.cpp's source (src/models/<name>.cpp for what reaches the
 * cache, llama_model_rope_type in src/llama-model.cpp for the layout) and held against llama.cpp itself by
 * test/model/architectures.test.ts.
 */
export interface SupportedArchitecture {
  rope: 'interleaved' | 'halves';
  /** Whether it reads the `rope_freqs.weight` tensor (llama3-style frequency factors). */
  freqFactors: boolean;
}

export const SUPPORTED_ARCHITECTURES: ReadonlyMap<string, SupportedArchitecture> = new Map([
  ['llama', { rope: 'interleaved', freqFactors: true }],
  ['arcee', { rope: 'interleaved', freqFactors: true }],
  ['internlm2', { rope: 'interleaved', freqFactors: false }],
  ['qwen2', { rope: 'halves', freqFactors: false }],
  ['qwen2moe', { rope: 'halves', freqFactors: false }],
  ['qwen3', { rope: 'halves', freqFactors: false }],
  ['qwen3moe', { rope: 'halves', freqFactors: false }],
  ['gemma', { rope: 'halves', freqFactors: false }],
  ['olmo2', { rope: 'halves', freqFactors: false }],
  ['starcoder2', { rope: 'halves', freqFactors: false }],
]);

/** llama_kv_cache::state_write leaves out the cells outside of the window even when the cache has them (`swaFullCache`). */
const SLIDING =
  'some layers attend through a sliding window, and llama.cpp saves their KV of the last window alone';
const RECURRENT = 'it keeps a recurrent state besides or instead of a KV cache';
const LATENT = 'it caches latents (MLA) instead of keys and values';
const ENCODER = 'it has an encoder or no causal cache';
const MULTI_POSITION = 'it uses M-RoPE, several positions per token';
const LAYERED_ROPE = 'only some layers rotate their keys';

const REFUSALS: readonly [reason: string, names: string][] = [
  [
    SLIDING,
    'gemma2 gemma3 gemma3n gemma4 cohere2 cohere2moe phi3 gpt-oss afmoe mellum mimo2 step35 laguna plamo3',
  ],
  [SLIDING, 'granite_swa gemma-embedding smallthinker exaone4 exaone-moe muse-glimmer modern-bert'],
  [RECURRENT, 'mamba mamba2 jamba rwkv6 rwkv6qwen2 rwkv7 arwkv7 lfm2 lfm2moe falcon-h1 granitehybrid plamo2'],
  [
    RECURRENT,
    'nemotron_h nemotron_h_moe qwen3next qwen35 qwen35moe kimi-linear kimi-k3 minimax-01 bailingmoe3',
  ],
  [LATENT, 'deepseek2 deepseek2-ocr deepseek32 deepseek4 minicpm3 plm mistral4 glm-dsa'],
  [
    ENCODER,
    't5 t5encoder bert nomic-bert nomic-bert-moe neo-bert jina-bert-v2 jina-bert-v3 eurobert clip llama-embed',
  ],
  [ENCODER, 'wavtokenizer-dec dream llada llada-moe rnd1'],
  [MULTI_POSITION, 'qwen2vl qwen3vl qwen3vlmoe paddleocr qwen4exp qwen3tts hunyuan_vl glm4 glm4moe'],
  [LAYERED_ROPE, 'smollm3 llama4'],
];

const REASON_OF = new Map(
  REFUSALS.flatMap(([reason, names]) => names.split(' ').map((name) => [name, reason])),
);

/** Why an architecture that is not supported is refused. */
export function refusalOf(architecture: string): string {
  return REASON_OF.get(architecture) ?? 'nobody has checked yet how it fills its KV cache';
}
