import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';

const SOURCES = path.dirname(fileURLToPath(import.meta.url));
const OUTPUT = path.join(SOURCES, '../../../dist/dashboard');
const WASM = path.join(SOURCES, '../../../wasm/pkg/kvedge_bg.wasm');

const COMMON: BuildOptions = {
  outExtension: { '.js': '.js.txt', '.css': '.css.txt' },
  outdir: OUTPUT,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome110', 'firefox115', 'safari16'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** What the client loads in Node only, behind conditions that never hold in a browser. Nothing of it is bundled or imported up front. */
const nodeOnly: Plugin = {
  name: 'node-only',
  setup({ onResolve }) {
    onResolve({ filter: /^node:|\/codec\/index\.ts$/ }, ({ path }) => ({
      path,
      external: true,
      sideEffects: false,
    }));
  },
};

/**
 * Makes the files that the Worker serves: the dashboard, and the page that opens a context. They end in `.txt`, or `.bin`, because
 * wrangler and vitest then both hand them to the Worker as modules of text, or of bytes.
 */
export async function buildDashboard(): Promise<void> {
  await build({
    ...COMMON,
    entryPoints: {
      main: path.join(SOURCES, 'main.tsx'),
      open: path.join(SOURCES, 'open/main.tsx'),
      style: path.join(SOURCES, 'style.css'),
    },
  });
  await build({
    ...COMMON,
    entryPoints: { decoder: path.join(SOURCES, 'open/decoder.ts') },
    plugins: [nodeOnly],
  });
  await copyFile(path.join(SOURCES, 'index.html'), path.join(OUTPUT, 'index.html.txt'));
  await copyFile(path.join(SOURCES, 'open/index.html'), path.join(OUTPUT, 'open.html.txt'));
  await copyFile(WASM, path.join(OUTPUT, 'kvedge.wasm.bin'));
}

if (import.meta.main) await buildDashboard();
