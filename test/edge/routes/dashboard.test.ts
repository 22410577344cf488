import { describe, expect, it } from 'vitest';
import { edge } from '../support/edge.ts';

describe('the dashboard', () => {
  it('is three files from this host, with a policy that lets nothing else run', async () => {
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/dashboard/main.js', 'text/javascript; charset=utf-8'],
      ['/dashboard/style.css', 'text/css; charset=utf-8'],
    ] as const) {
      const response = await edge(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(type);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      const policy = response.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).not.toContain('unsafe');
      expect((await response.text()).length).toBeGreaterThan(300);
    }
  });

  it('names no other host and has no script or style in its markup', async () => {
    const page = await (await edge('/')).text();
    expect(page).not.toMatch(/<style|style=|\bon\w+=|https?:|<script(?![^>]*\bsrc=)/i);
    const hosts = (await (await edge('/dashboard/main.js')).text()).match(/https?:\/\/[^"'`]*/g) ?? [];
    // Names of XML, never fetched.
    for (const host of hosts) expect(host).toMatch(/^http:\/\/www\.w3\.org\//);
    expect(await (await edge('/dashboard/style.css')).text()).not.toMatch(/url\(|@import/);
  });

  it('lets the page that opens a context start one Web Worker, and that one alone compile WebAssembly', async () => {
    for (const [path, type, worker, wasm] of [
      ['/open', 'text/html; charset=utf-8', true, false],
      ['/dashboard/open.js', 'text/javascript; charset=utf-8', false, false],
      ['/dashboard/decoder.js', 'text/javascript; charset=utf-8', false, true],
      ['/dashboard/kvedge.wasm', 'application/wasm', false, false],
    ] as const) {
      const response = await edge(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(type);
      const policy = response.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("require-trusted-types-for 'script'");
      expect(policy).toContain(worker ? 'trusted-types kvedge-decoder' : "trusted-types 'none'");
      expect(policy.includes("worker-src 'self'")).toBe(worker);
      expect(policy.includes("'wasm-unsafe-eval'")).toBe(wasm);
      expect(policy).not.toContain("'unsafe-");
      await response.body?.cancel();
    }
  });

  it('serves the codec byte for byte, as WebAssembly', async () => {
    const bytes = await (await edge('/dashboard/kvedge.wasm')).arrayBuffer();
    expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it('answers conditional requests', async () => {
    const etag = (await edge('/dashboard/main.js')).headers.get('etag')!;
    const again = await edge('/dashboard/main.js', { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
    expect(again.headers.get('cache-control')).toBe('no-cache');
    const head = await edge('/', { method: 'HEAD' });
    expect(Number(head.headers.get('content-length'))).toBe(
      (await (await edge('/')).arrayBuffer()).byteLength,
    );
  });
});
