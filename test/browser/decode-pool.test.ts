import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { launchBrowser, skipReason } from './support/browser.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const VECTOR = path.join(ROOT, 'test/vectors/joint-rope1-levels4-shifts-first-table-position0-tokens33');
const TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** What a page of the library's users does, in the page. */
const DECODE = `(async () => {
  const { bestCodec } = await import('/best.js');
  const get = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());
  const [file, chunk] = await Promise.all([get('/sample.kvp'), get('/sample.kvl')]);
  const profile = (await bestCodec()).loadProfile(file);
  const here = profile.decodeChunk(chunk).data.join();
  const decoded = await Promise.all([1, 2, 3].map(() => profile.decodeChunkAsync(chunk)));
  const { name, code } = await profile.decodeChunkAsync(chunk.slice(0, 50)).catch((error) => error);
  profile.close();
  return { isSame: decoded.every(({ data }) => data.join() === here), name, code };
})()`;

test.skipIf(skipReason !== null)(
  'Chromium decodes on Web Workers with relaxed SIMD, and errors keep their code',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kvedge-pool-'));
    const asked: string[] = [];
    const server = createServer(({ url = '/' }, response) => {
      asked.push(url);
      const extension = path.extname(url);
      response.setHeader('content-type', TYPES[extension] ?? 'text/html');
      if (extension === '.js') response.end(readFileSync(path.join(folder, url)));
      else if (extension === '.wasm') response.end(readFileSync(path.join(ROOT, 'wasm/pkg', url)));
      else response.end(extension.startsWith('.kv') ? readFileSync(VECTOR + extension) : '');
    });
    const browser = await launchBrowser();
    try {
      await build({
        absWorkingDir: ROOT,
        entryPoints: {
          best: 'src/client/best-codec-browser.ts',
          'decode-worker': 'src/codec/wasm/pool/worker-web.ts',
        },
        bundle: true,
        splitting: true,
        format: 'esm',
        outdir: folder,
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      expect(await page.evaluate(DECODE)).toEqual({ isSame: true, name: 'CodecError', code: 'truncated' });
      expect(asked).toContain('/decode-worker.js');
      expect(asked).toContain('/kvedge_relaxed_bg.wasm');
    } finally {
      await browser.close();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
