import { z } from 'zod';
import { EngineError } from '../errors.ts';

/** The part of node-llama-cpp's GgufFileInfo that is used; a plain shape so that tests need no model. */
export interface GgufInfo {
  metadata: unknown;
  tensorInfo?: readonly GgufTensor[] | undefined;
  splicedParts: number;
}

export interface GgufTensor {
  name: string;
  dimensions: readonly (number | bigint)[];
  ggmlType: number;
  fileOffset: number | bigint;
}

const integer = z.union([z.number().int().nonnegative(), z.bigint().nonnegative().transform(Number)]);
const positive = integer.refine((value) => value > 0 && Number.isSafeInteger(value));

const architectureMetadata = z.object({
  block_count: positive,
  context_length: positive,
  embedding_length: positive,
  vocab_size: positive.optional(),
  attention: z.object({
    head_count: positive,
    head_count_kv: z.union([positive, z.array(positive)]).optional(),
    key_length: positive.optional(),
    value_length: positive.optional(),
    sliding_window: integer.optional(),
    kv_lora_rank: integer.optional(),
    causal: z.boolean().optional(),
  }),
  rope: z
    .object({
      dimension_count: positive.optional(),
      dimension_sections: z.array(z.number()).optional(),
      freq_base: z.number().positive().optional(),
      scale_linear: z.number().nonnegative().optional(),
      scaling: z
        .object({
          type: z.string().optional(),
          factor: z.number().nonnegative().optional(),
          attn_factor: z.number().optional(),
        })
        .optional(),
    })
    .optional(),
  ssm: z.unknown().optional(),
});

export type ArchitectureMetadata = z.infer<typeof architectureMetadata>;

const generalMetadata = z.object({ architecture: z.string().min(1), name: z.string().optional() });
const tokenizerMetadata = z.object({
  ggml: z.object({ tokens: z.array(z.unknown()).optional() }).optional(),
});

/** Architecture and display name. Throws `model-invalid`. */
export function readGeneral(info: GgufInfo): { architecture: string; name: string } {
  const { architecture, name = architecture } = parse(generalMetadata, rootOf(info).general, 'general');
  return { architecture, name };
}

/** Throws `model-invalid`. */
export function readArchitecture(info: GgufInfo, architecture: string): ArchitectureMetadata {
  return parse(architectureMetadata, rootOf(info)[architecture], architecture);
}

/** Tokens in the vocabulary. Throws `model-invalid`. */
export function readVocabularySize(info: GgufInfo, metadata: ArchitectureMetadata): number {
  const tokenizer = parse(tokenizerMetadata, rootOf(info).tokenizer ?? {}, 'tokenizer');
  return parse(positive, tokenizer.ggml?.tokens?.length ?? metadata.vocab_size, 'tokenizer.ggml.tokens');
}

function rootOf(info: GgufInfo): Record<string, unknown> {
  return parse(z.record(z.string(), z.unknown()), info.metadata, 'metadata');
}

function parse<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new EngineError('model-invalid', {
    what: 'the GGUF metadata were refused',
    why: issue?.message ?? 'not of the known shape',
    where: [where, ...(issue?.path ?? [])].join('.'),
    remedy: 'Download or convert the model again.',
  });
}
