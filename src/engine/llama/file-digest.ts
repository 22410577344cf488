import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';

const READ_BYTES = 1 << 20;

const cachedDigest = z.object({
  bytes: z.number().int().nonnegative(),
  mtimeMs: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface FileDigestOptions {
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal;
}

/**
 * SHA-256 of a file, remembered beside it in `<file>.sha256.json` and trusted while size and modification time are the
 * same: a model of several GB takes seconds to hash. The note is a convenience of this machine, not a signature.
 */
export async function fileDigest(filePath: string, options: FileDigestOptions = {}): Promise<Uint8Array> {
  const notePath = `${filePath}.sha256.json`;
  const { size: bytes, mtimeMs } = await stat(filePath);
  const note = await readNote(notePath);
  if (note !== null && note.bytes === bytes && note.mtimeMs === mtimeMs)
    return Buffer.from(note.sha256, 'hex');
  const sha256 = await hashFile(filePath, bytes, options);
  const after = await stat(filePath);
  // A file that changed while it was read gets no note: its digest belongs to neither version.
  if (after.size === bytes && after.mtimeMs === mtimeMs) {
    await writeNote(
      notePath,
      JSON.stringify({ bytes, mtimeMs, sha256: Buffer.from(sha256).toString('hex') }),
    );
  }
  return sha256;
}

/** SHA-256 of a file, always read in full. */
export async function hashFile(
  filePath: string,
  totalBytes: number,
  options: FileDigestOptions,
): Promise<Uint8Array> {
  const hash = createHash('sha256');
  let doneBytes = 0;
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  for await (const piece of createReadStream(filePath, { highWaterMark: READ_BYTES, ...signal })) {
    hash.update(piece);
    doneBytes += piece.length;
    options.onProgress?.(doneBytes, totalBytes);
  }
  return hash.digest();
}

async function readNote(notePath: string) {
  try {
    return cachedDigest.parse(JSON.parse(await readFile(notePath, 'utf8')));
  } catch {
    return null; // absent or damaged: hash again
  }
}

async function writeNote(notePath: string, text: string): Promise<void> {
  const draft = `${notePath}.${randomUUID()}`;
  try {
    await writeFile(draft, text, { flag: 'wx' });
    await rename(draft, notePath);
  } catch {
    await rm(draft, { force: true }).catch(() => {}); // a read-only model folder only costs the next hashing
  }
}
