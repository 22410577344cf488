import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const VECTOR = path.join(ROOT, 'test/vectors/joint-rope1-levels4-shifts-first-table-position0-tokens33.kvl');
const SLOW_MS = 300_000;
const MOST_BROWSER_BYTES = 60_000;

let folder: string;
let installed: string;
const before = readFileSync(path.join(ROOT, 'package.json'), 'utf8');

function run(command: string, args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** `npm pack`, installed into an empty directory as anybody would. */
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kvedge-pack-'));
  run('npm', ['pack', '--silent', '--pack-destination', folder], ROOT);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  writeFileSync(path.join(folder, 'package.json'), '{"private":true,"type":"module"}');
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`], folder);
  installed = path.join(folder, 'node_modules/kvedge');
}, SLOW_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the repository is as it was, and the package holds the library alone', () => {
  expect(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).toBe(before);
  expect(existsSync(path.join(installed, 'src'))).toBe(false);
  expect(existsSync(path.join(folder, 'node_modules/hono'))).toBe(false);
  const manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
  expect(Object.keys(manifest.peerDependencies)).toEqual(['node-llama-cpp']);
  expect(manifest.peerDependenciesMeta['node-llama-cpp'].optional).toBe(true);
  expect(existsSync(path.join(folder, 'node_modules/node-llama-cpp'))).toBe(false);
});

test('Node imports it and decodes with it', () => {
  const script = `
    import { readFileSync } from 'node:fs';
    import { openContext, streamChunks, edgeStream, Speeds, ClientError } from 'kvedge';
    import { adaptive, Session } from 'kvedge/controller';
    import { loadBestCodec } from 'kvedge/codec';
    import { valuesPerToken } from 'kvedge/engine';
    import { openLlamaEngine } from 'kvedge/llama';
    const codec = await loadBestCodec({ threads: 2 });
    const chunk = readFileSync(${JSON.stringify(VECTOR)});
    const profile = codec.loadProfile(readFileSync(${JSON.stringify(VECTOR.replace(/kvl$/, 'kvp'))}));
    const planes = profile.decodeChunk(chunk);
    const byWorker = await profile.decodeChunkAsync(chunk);
    profile.close();
    const error = await openContext({ edge: 'http://127.0.0.1:1', id: 'a'.repeat(64), retries: 0, engine: {}, codec })
      .catch((reason) => reason);
    const missing = await openLlamaEngine({ modelPath: 'none.gguf' }).catch((reason) => reason.code);
    console.log(JSON.stringify({
      backend: codec.backend,
      values: planes.data.length === planes.tokenCount * valuesPerToken(planes.geometry),
      sameByWorker: Buffer.compare(Buffer.from(planes.data.buffer), Buffer.from(byWorker.data.buffer)) === 0,
      error: [error instanceof ClientError, error.code],
      missing,
      kinds: [typeof adaptive, typeof Session, typeof streamChunks, typeof edgeStream, typeof Speeds],
    }));`;
  writeFileSync(path.join(folder, 'use.js'), script);
  expect(JSON.parse(run(process.execPath, ['use.js'], folder))).toEqual({
    backend: 'wasm',
    values: true,
    sameByWorker: true,
    error: [true, 'edge-unreachable'],
    missing: 'engine-missing',
    kinds: Array(5).fill('function'),
  });
});

test(
  'its types check a consumer, and refuse a wrong one',
  () => {
    const right = `
    import { openContext, type OpenedContext } from 'kvedge';
    import type { Engine } from 'kvedge/engine';
    export async function open(engine: Engine): Promise<OpenedContext['report']> {
      return (await openContext({ edge: 'https://e.example', id: 'x', engine, deadlineMs: 500 })).report;
    }`;
    writeFileSync(path.join(folder, 'right.ts'), right);
    writeFileSync(path.join(folder, 'wrong.ts'), right.replace('deadlineMs: 500', "deadlineMs: 'soon'"));
    const check = (file: string) =>
      spawnSync(
        process.execPath,
        [
          path.join(ROOT, 'node_modules/typescript/bin/tsc'),
          ...['--noEmit', '--strict', '--target', 'es2024', '--lib', 'es2024,dom,esnext.disposable'],
          ...['--module', 'nodenext', '--skipLibCheck', '--types', 'node'],
          ...['--typeRoots', path.join(ROOT, 'node_modules/@types'), file],
        ],
        { cwd: folder, encoding: 'utf8' },
      );
    expect(check('right.ts').stdout).toBe('');
    expect(check('wrong.ts').stdout).toMatch(/'string' is not assignable to type 'number'/);
  },
  SLOW_MS,
);

test('the browser build needs nothing from Node and is small', () => {
  const browser = path.join(installed, 'dist/lib/browser');
  const files = new Set(['index.js', 'decode-worker.js']);
  let bytes = 0;
  for (const name of files) {
    const text = readFileSync(path.join(browser, name), 'utf8');
    bytes += gzipSync(text).length;
    for (const [, other] of text.matchAll(/(?:from|import)\s?["']([^"']+)["']/g)) {
      expect(other).toMatch(/^\.\//);
      files.add(other!.slice(2));
    }
  }
  expect(bytes).toBeLessThan(MOST_BROWSER_BYTES);
  for (const name of ['kvedge_bg.wasm', 'kvedge_relaxed_bg.wasm']) {
    expect(existsSync(path.join(browser, name))).toBe(true);
  }
});
