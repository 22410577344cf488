import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCES = path.dirname(fileURLToPath(import.meta.url));
const OUTPUT = path.join(SOURCES, '../../../dist/dashboard');

/**
 * Makes the three files that the Worker serves as the dashboard. They end in `.txt` because wrangler and vitest then both hand
 * them to the Worker as text modules.
 */
export async function buildDashboard(): Promise<void> {
  await build({
    entryPoints: [path.join(SOURCES, 'main.tsx'), path.join(SOURCES, 'style.css')],
    entryNames: '[name]',
    outExtension: { '.js': '.js.txt', '.css': '.css.txt' },
    outdir: OUTPUT,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome110', 'firefox115', 'safari16'],
    legalComments: 'none',
    logLevel: 'warning',
  });
  await copyFile(path.join(SOURCES, 'index.html'), path.join(OUTPUT, 'index.html.txt'));
}

if (import.meta.main) await buildDashboard();
