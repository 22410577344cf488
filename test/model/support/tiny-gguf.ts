import { writeFileSync } from 'node:fs';

/** Shape of a model of random weights; small, but with every size different from the others. */
export interface TinyShape {
  width: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  feedForward: number;
  layers: number;
}

type Value = string | boolean | number | { u32: number } | string[] | number[];
type Tensors = Record<string, number[]>;

const ALIGNMENT = 32;
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 };

/**
 * Writes a GGUF file of F32 tensors, each [name] -> dimensions as ggml orders them, filled with fixed random values: around
 * 1 for the weights of norms, else scaled so that activations keep their size. The tokenizer knows single bytes.
 */
export function writeTinyGguf(
  file: string,
  architecture: string,
  metadata: Record<string, Value>,
  tensors: Tensors,
): void {
  const tokens = byteTokens();
  const all: Record<string, Value> = {
    'general.architecture': architecture,
    'general.name': `tiny ${architecture}`,
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`${architecture}.${key}`, value])),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': tokens.map(() => 1),
    'tokenizer.ggml.merges': ['a b'],
    'tokenizer.ggml.eos_token_id': { u32: 0 },
    'tokenizer.ggml.bos_token_id': { u32: 0 },
  };
  const parts = [
    Buffer.from('GGUF'),
    u32(3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(all).length),
    ...Object.entries(all).flatMap(([key, value]) => [text(key), ...encode(value)]),
  ];
  let offset = 0;
  for (const [name, dimensions] of Object.entries(tensors)) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(0), u64(offset));
    offset += align(4 * countOf(dimensions));
  }
  const head = Buffer.concat(parts);
  const random = randomNormal(1);
  const data = Object.entries(tensors).map(([name, dimensions]) => {
    const bytes = Buffer.alloc(align(4 * countOf(dimensions)));
    const spread = dimensions.length === 1 ? 0.3 : 1 / Math.sqrt(dimensions[0]!);
    for (let i = 0; i < countOf(dimensions); i++) {
      const value = spread * random();
      const isPositive = /norm\.weight$|rope_freqs/.test(name);
      bytes.writeFloatLE(isPositive ? 1 + Math.abs(value) : value, 4 * i);
    }
    return bytes;
  });
  writeFileSync(file, Buffer.concat([head, Buffer.alloc(align(head.length) - head.length), ...data]));
}

/** GPT-2's characters for the 256 bytes, and one merge. */
function byteTokens(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
  return [...bytes, 'ab'];
}

function encode(value: Value): Buffer[] {
  if (typeof value === 'string') return [u32(TYPE.string), text(value)];
  if (typeof value === 'boolean') return [u32(TYPE.bool), Buffer.from([value ? 1 : 0])];
  if (typeof value === 'number') return [u32(TYPE.f32), f32(value)];
  if (!Array.isArray(value)) return [u32(TYPE.u32), u32(value.u32)];
  const isText = typeof value[0] === 'string';
  const items = value.map((item) => (typeof item === 'string' ? text(item) : u32(item)));
  return [u32(TYPE.array), u32(isText ? TYPE.string : TYPE.i32), u64(value.length), ...items];
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

const countOf = (dimensions: readonly number[]) => dimensions.reduce((product, size) => product * size, 1);

const align = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Normal deviates, the same ones every time (mulberry32, Box-Muller). */
function randomNormal(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
