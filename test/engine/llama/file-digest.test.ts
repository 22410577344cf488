import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileDigest } from '../../../src/engine/llama/file-digest.ts';
import { readFreqFactors } from '../../../src/engine/llama/rope-factors.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kvedge-test-'));
  file = path.join(folder, 'model.gguf');
  await writeFile(file, 'weights');
});
afterEach(() => rm(folder, { recursive: true }));

const sha256 = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());
const digest = async (): Promise<Uint8Array> => new Uint8Array(await fileDigest(file));

it('the digest is that of the bytes, and is noted beside the file', async () => {
  expect(await digest()).toEqual(sha256('weights'));
  const note = JSON.parse(await readFile(`${file}.sha256.json`, 'utf8'));
  expect(note).toMatchObject({ bytes: 7, sha256: Buffer.from(sha256('weights')).toString('hex') });
});

it('a noted digest is used without reading the file', async () => {
  await digest();
  const pieces: number[] = [];
  await fileDigest(file, { onProgress: (done) => pieces.push(done) });
  expect(pieces).toEqual([]);
});

it('another modification time or a damaged note means reading again', async () => {
  await digest();
  await writeFile(file, 'changed');
  await utimes(file, 1, 1);
  expect(await digest()).toEqual(sha256('changed'));
  await writeFile(`${file}.sha256.json`, '{"bytes": 7');
  expect(await digest()).toEqual(sha256('changed'));
});

it('frequency factors are read from their offset, and refused when cut or not positive', async () => {
  const factors = Float32Array.of(1, 2.5, 8);
  await writeFile(file, Buffer.concat([Buffer.from('head'), Buffer.from(factors.buffer)]));
  expect(await readFreqFactors(file, 4, 3)).toEqual(factors);
  await expect(readFreqFactors(file, 4, 4)).rejects.toMatchObject({ code: 'model-invalid' });
  await expect(readFreqFactors(file, 8, 3)).rejects.toMatchObject({ code: 'model-invalid' });
  await writeFile(file, new Uint8Array(12));
  await expect(readFreqFactors(file, 0, 3)).rejects.toMatchObject({ code: 'model-invalid' });
});
