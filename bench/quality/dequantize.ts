import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type GgufTensorInfo, readGgufFileInfo } from 'node-llama-cpp';
import { GGML_TYPES } from './ggml-types.ts';

const F32 = 0;
const ALIGNMENT = 32;
const BLOCKS_AT_ONCE = 65_536;

/**
 * Writes a copy of a GGUF file with every tensor as f32: the same model, evaluated without rounding activations to 8
 * bits. With quantized weights llama.cpp does that, and any change of the cache, however small, costs a KLD of about
 * 0.004; levels better than that cannot be told apart. Does nothing if the copy exists.
 */
export async function dequantizedCopy(source: string, target: string): Promise<string> {
  if (existsSync(target)) return target;
  const info = await readGgufFileInfo(source, { readTensorInfo: true, logWarnings: false });
  const tensors = info.fullTensorInfo ?? [];
  const input = openSync(source, 'r');
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  const output = openSync(temporary, 'w');
  try {
    const metadata = Buffer.alloc(info.totalMetadataSize);
    readSync(input, metadata, 0, metadata.length, 0);
    writeSync(output, metadata);
    const table = tensorTable(tensors);
    writeSync(output, table);
    writeSync(output, Buffer.alloc(padding(metadata.length + table.length)));
    for (const tensor of tensors) writeTensor(input, output, tensor);
  } finally {
    closeSync(input);
    closeSync(output);
  }
  renameSync(temporary, target);
  return target;
}

function tensorTable(tensors: readonly GgufTensorInfo[]): Buffer {
  const parts: Buffer[] = [];
  let offset = 0;
  for (const { name, dimensions } of tensors) {
    const text = Buffer.from(name);
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(text.length));
    const tail = Buffer.alloc(4 + 8 * dimensions.length + 4 + 8);
    tail.writeUInt32LE(dimensions.length);
    dimensions.forEach((size, i) => {
      tail.writeBigUInt64LE(BigInt(size), 4 + 8 * i);
    });
    tail.writeUInt32LE(F32, 4 + 8 * dimensions.length);
    tail.writeBigUInt64LE(BigInt(offset), 8 + 8 * dimensions.length);
    parts.push(head, text, tail);
    const bytes = valuesOf(dimensions) * 4;
    offset += bytes + padding(bytes);
  }
  return Buffer.concat(parts);
}

function writeTensor(input: number, output: number, tensor: GgufTensorInfo) {
  const type = GGML_TYPES[tensor.ggmlType];
  if (!type)
    throw new Error(`tensor ${tensor.name}: ggml type ${tensor.ggmlType} is not known to this bench`);
  const values = valuesOf(tensor.dimensions);
  const blocks = values / type.values;
  for (let done = 0; done < blocks; done += BLOCKS_AT_ONCE) {
    const count = Math.min(BLOCKS_AT_ONCE, blocks - done);
    const bytes = Buffer.alloc(count * type.bytes);
    readSync(input, bytes, 0, bytes.length, Number(tensor.fileOffset) + done * type.bytes);
    const out = new Float32Array(count * type.values);
    for (let i = 0; i < count; i++) {
      const block = new DataView(bytes.buffer, bytes.byteOffset + i * type.bytes, type.bytes);
      type.read(block, out.subarray(i * type.values, (i + 1) * type.values));
    }
    writeSync(output, new Uint8Array(out.buffer));
  }
  writeSync(output, Buffer.alloc(padding(values * 4)));
}

const padding = (bytes: number) => (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;

const valuesOf = (dimensions: readonly (number | bigint)[]) =>
  dimensions.reduce<number>((product, size) => product * Number(size), 1);
