/** `npm run build:library`: the packed library in dist/lib: JavaScript for Node and browsers, and types. */
import { spawnSync } from 'node:child_process';
import { copyFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const OUT = path.join(ROOT, 'dist/lib');

/** Entry points by name; package.json exports them. Files of src/ that find others by path lie three folders deep there, and here. */
const NODE = {
  index: 'src/client/index.ts',
  controller: 'src/client/controller/index.ts',
  codec: 'src/codec/index.ts',
  'decode-worker': 'src/codec/wasm/pool/worker-node.ts',
  engine: 'src/engine/index.ts',
  llama: 'src/engine/llama/index.ts',
};
const BROWSER = {
  index: 'src/client/index.ts',
  controller: 'src/client/controller/index.ts',
  codec: 'src/codec/wasm/index.ts',
  'decode-worker': 'src/codec/wasm/pool/worker-web.ts',
};

/**
 * Nothing from Node is in the browser build: there the codec is fetched, and no disk keeps profiles. Nor is what zod needs to
 * describe schemas as JSON Schema, which only the edge's API document asks for.
 */
const forBrowsers: Plugin = {
  name: 'for-browsers',
  setup({ onResolve, onLoad }) {
    onLoad({ filter: /zod\/v4\/core\/json-schema-processors\.js$/ }, () => ({
      contents: 'export const toJSONSchema = undefined, allProcessors = {};',
    }));
    onResolve({ filter: /\/best-codec\.ts$/ }, () => ({
      path: path.join(ROOT, 'src/client/best-codec-browser.ts'),
    }));
    onResolve({ filter: /^node:/ }, ({ path: name, kind }) =>
      kind === 'dynamic-import' ? { path: name, external: true } : null,
    );
  },
};

await rm(OUT, { recursive: true, force: true });
const shared = {
  absWorkingDir: ROOT,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2023',
} as const;
await build({
  ...shared,
  entryPoints: NODE,
  outdir: path.join(OUT, 'node'),
  platform: 'node',
  packages: 'external',
});
await build({
  ...shared,
  entryPoints: BROWSER,
  outdir: path.join(OUT, 'browser'),
  platform: 'browser',
  minify: true,
  plugins: [forBrowsers],
});
for (const name of ['kvedge_bg.wasm', 'kvedge_relaxed_bg.wasm']) {
  await copyFile(path.join(ROOT, 'wasm/pkg', name), path.join(OUT, 'browser', name));
}
declare();
await nameDeclarations(path.join(OUT, 'types'));

function declare(): void {
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'src/client/package'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error('tsc made no declarations');
}

/** Sources name each other by `.ts`; declarations are found by `.js`. */
async function nameDeclarations(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(/(from |import\()(['"])(\.[^'"]+)\.ts\2/g, '$1$2$3.js$2'));
  }
}
