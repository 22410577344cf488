import decoder from '../../../dist/dashboard/decoder.js.txt';
import page from '../../../dist/dashboard/index.html.txt';
import wasm from '../../../dist/dashboard/kvedge.wasm.bin';
import script from '../../../dist/dashboard/main.js.txt';
import openPage from '../../../dist/dashboard/open.html.txt';
import openScript from '../../../dist/dashboard/open.js.txt';
import style from '../../../dist/dashboard/style.css.txt';
import type { App } from '../env.ts';
import { decideAnswer, type Representation } from '../http/representation.ts';
import { digestHex } from '../tiers/store.ts';

/** Nothing but the page's own files, no markup made from strings (Trusted Types), no frames. The API is asked on this host only. */
const POLICY: Record<string, string> = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'connect-src': "'self'",
  'img-src': 'data:',
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
};
/** The page that decodes may besides start its one Web Worker, which may compile WebAssembly. */
const OPEN_POLICY = { ...POLICY, 'worker-src': "'self'", 'trusted-types': 'kvedge-decoder' };
const DECODER_POLICY = { ...POLICY, 'script-src': "'self' 'wasm-unsafe-eval'" };

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

interface PageFile {
  content: string | ArrayBuffer;
  contentType: string;
  policy?: Record<string, string>;
}

const FILES: Record<string, PageFile> = {
  '/': { content: page, contentType: HTML },
  '/open': { content: openPage, contentType: HTML, policy: OPEN_POLICY },
  '/dashboard/main.js': { content: script, contentType: SCRIPT },
  '/dashboard/open.js': { content: openScript, contentType: SCRIPT },
  '/dashboard/decoder.js': { content: decoder, contentType: SCRIPT, policy: DECODER_POLICY },
  '/dashboard/kvedge.wasm': { content: wasm, contentType: 'application/wasm' },
  '/dashboard/style.css': { content: style, contentType: 'text/css; charset=utf-8' },
};

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** The dashboard, which shows what the API tells, and the page that opens a context. No part of the API, so not in its document. */
export function addDashboardRoutes(app: App): void {
  for (const [path, { content, contentType, policy = POLICY }] of Object.entries(FILES)) {
    const bytes = typeof content === 'string' ? encode(content) : new Uint8Array(content);
    const contentSecurityPolicy = Object.entries(policy)
      .map((directive) => directive.join(' '))
      .join('; ');
    let representation: Representation | undefined;
    app.get(path, async (c) => {
      representation ??= await represent(bytes, contentType);
      const { status, headers, range } = decideAnswer(c.req.method, c.req.raw.headers, representation);
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers[name] = value;
      headers['content-security-policy'] = contentSecurityPolicy;
      const body = range === null ? null : bytes.subarray(range.offset, range.offset + range.length);
      return new Response(body, { status, headers });
    });
  }
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

async function represent(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Representation> {
  const sha256 = await digestHex(bytes);
  return {
    bytes: bytes.length,
    etag: `"${sha256}"`,
    modifiedAtMs: Date.now(),
    sha256,
    contentType,
    cacheControl: 'no-cache',
  };
}
