import { open } from 'node:fs/promises';
import { EngineError } from '../errors.ts';

/** Reads `count` little-endian F32 frequency factors; all must be positive and finite. Throws `model-invalid`. */
export async function readFreqFactors(
  modelPath: string,
  fileOffset: number,
  count: number,
): Promise<Float32Array> {
  const bytes = new Uint8Array(count * Float32Array.BYTES_PER_ELEMENT);
  const file = await open(modelPath, 'r');
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, fileOffset);
    const factors = new Float32Array(bytes.buffer);
    if (bytesRead === bytes.length && factors.every((factor) => factor > 0 && Number.isFinite(factor)))
      return factors;
  } finally {
    await file.close();
  }
  throw new EngineError('model-invalid', {
    what: 'the RoPE frequency factors were refused',
    why: 'the tensor is cut short or holds a value that is no positive number',
    where: `byte ${fileOffset} of ${modelPath}`,
    remedy: 'Download the model again.',
  });
}
