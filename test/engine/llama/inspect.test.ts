import { describe, expect, it } from 'vitest';
import { SUPPORTED_ARCHITECTURES } from '../../../src/engine/llama/architectures.ts';
import type { GgufInfo, GgufTensor } from '../../../src/engine/llama/gguf-metadata.ts';
import { inspectModel } from '../../../src/engine/llama/inspect.ts';

type Fields = Record<string, unknown>;

/** Metadata as node-llama-cpp nests them; `fields` go over those of the architecture. */
function gguf(architecture: string, fields: Fields = {}, tensorInfo: GgufTensor[] = []): GgufInfo {
  const { attention, rope, ...rest } = fields;
  return {
    splicedParts: 1,
    tensorInfo,
    metadata: {
      general: { architecture, name: 'Test' },
      tokenizer: { ggml: { tokens: ['a', 'b', 'c'] } },
      [architecture]: {
        block_count: 30,
        context_length: 8192,
        embedding_length: 576,
        attention: { head_count: 9, head_count_kv: 3, ...(attention as Fields) },
        rope: { freq_base: 100_000, dimension_count: 64, ...(rope as Fields) },
        ...rest,
      },
    },
  };
}

const freqTensor = { name: 'rope_freqs.weight', dimensions: [32], ggmlType: 0, fileOffset: 4_096n };

describe('inspection reads', () => {
  it('the geometry and RoPE of a llama', () => {
    expect(inspectModel(gguf('llama'))).toEqual({
      name: 'Test',
      architecture: 'llama',
      geometry: { layers: 30, kvHeads: 3, keyHeadDim: 64, valueHeadDim: 64 },
      rope: { layout: 'interleaved', dims: 64, freqBase: 100_000, freqScale: 1 },
      freqFactorsAt: null,
      vocabularySize: 3,
      trainedContextTokens: 8192,
    });
  });

  it('head sizes of their own, linear scaling and equal KV heads per layer', () => {
    const attention = { key_length: 128, value_length: 96, head_count_kv: Array(30).fill(3) };
    const rope = { dimension_count: 128, scaling: { type: 'linear', factor: 4 } };
    const model = inspectModel(gguf('qwen3', { attention, rope }));
    expect(model.geometry).toEqual({ layers: 30, kvHeads: 3, keyHeadDim: 128, valueHeadDim: 96 });
    expect(model.rope).toEqual({ layout: 'halves', dims: 128, freqBase: 100_000, freqScale: 0.25 });
  });

  it("llama.cpp's defaults for what a file leaves out", () => {
    const attention = { head_count_kv: undefined };
    const rope = { freq_base: undefined, dimension_count: undefined, scaling: { type: 'none', factor: 8 } };
    const model = inspectModel(gguf('llama', { attention, rope }));
    expect(model.geometry.kvHeads).toBe(9);
    expect(model.rope).toEqual({ layout: 'interleaved', dims: 64, freqBase: 10_000, freqScale: 1 });
  });

  it('where the frequency factors are', () => {
    expect(inspectModel(gguf('llama', {}, [freqTensor])).freqFactorsAt).toEqual({
      fileOffset: 4_096,
      count: 32,
    });
  });
});

describe('inspection refuses as unsupported', () => {
  it.each([
    ['gemma3', 'sliding window'],
    ['jamba', 'recurrent state'],
    ['rwkv7', 'recurrent state'],
    ['lfm2', 'recurrent state'],
    ['deepseek2', 'latents (MLA)'],
    ['t5', 'encoder'],
    ['qwen2vl', 'M-RoPE'],
    ['smollm3', 'only some layers rotate'],
    ['brand-new', 'nobody has checked'],
  ])('the architecture %s: %s', (architecture, reason) => {
    const run = () => inspectModel(gguf(architecture));
    expect(run).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
    expect(run).toThrow(`"${architecture}"`);
    expect(run).toThrow(reason);
  });

  it('Gemma 3, by the metadata of gemma-3-270m-q4_k_m.gguf', () => {
    const run = () =>
      inspectModel(
        gguf('gemma3', {
          block_count: 18,
          context_length: 32_768,
          embedding_length: 640,
          attention: {
            ...{ head_count: 4, head_count_kv: 1, key_length: 256, value_length: 256 },
            sliding_window: 512,
          },
          rope: { freq_base: 1_000_000, dimension_count: undefined },
        }),
      );
    expect(run).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
    expect(run).toThrow(/"gemma3" cannot be used: .* sliding window, .* last window alone/);
  });

  it.each<[string, Fields]>([
    ['sliding window', { attention: { sliding_window: 4096 } }],
    ['latents (MLA)', { attention: { kv_lora_rank: 512 } }],
    ['not causal', { attention: { causal: false } }],
    ['recurrent state', { ssm: { conv_kernel: 4 } }],
    ['M-RoPE', { rope: { dimension_sections: [16, 24, 24, 0] } }],
    ['RoPE scaling is yarn', { rope: { scaling: { type: 'yarn', factor: 4 } } }],
    ['RoPE scaling is longrope', { rope: { scaling: { type: 'longrope' } } }],
    ['attn_factor', { rope: { scaling: { attn_factor: 1.2 } } }],
    ['differ in the number of KV heads', { attention: { head_count_kv: [3, 3, 2] } }],
  ])('metadata of a supported architecture that mean: %s', (reason, fields) => {
    const run = () => inspectModel(gguf('qwen2', fields));
    expect(run).toThrow(expect.objectContaining({ code: 'model-unsupported' }));
    expect(run).toThrow(reason);
  });

  it('frequency factors that llama.cpp would not read, LongRoPE and split files', () => {
    expect(() => inspectModel(gguf('qwen2', {}, [freqTensor]))).toThrow('does not read');
    const long = { ...freqTensor, name: 'blk.0.rope_factors_long.weight' };
    expect(() => inspectModel(gguf('llama', {}, [long]))).toThrow('LongRoPE');
    expect(() => inspectModel({ ...gguf('llama'), splicedParts: 2 })).toThrow('split over several files');
  });
});

it.each<[string, Fields]>([
  ['block_count', { block_count: 100_000 }],
  ['attention.key_length', { embedding_length: 577 }],
  ['rope.dimension_count', { rope: { dimension_count: 63 } }],
  ['rope.dimension_count', { rope: { dimension_count: 128 } }],
  ['llama.attention.head_count', { attention: { head_count: 'nine' } }],
])('an impossible %s is invalid', (field, fields) => {
  const run = () => inspectModel(gguf('llama', fields));
  expect(run).toThrow(expect.objectContaining({ code: 'model-invalid' }));
  expect(run).toThrow(field);
});

it('every supported architecture passes with plain metadata', () => {
  for (const architecture of SUPPORTED_ARCHITECTURES.keys()) {
    expect(inspectModel(gguf(architecture)).architecture).toBe(architecture);
  }
});
