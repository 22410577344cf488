import page from '../../../dist/dashboard/index.html.txt';
import script from '../../../dist/dashboard/main.js.txt';
import style from '../../../dist/dashboard/style.css.txt';
import type { App } from '../env.ts';
import { decideAnswer, type Representation } from '../http/representation.ts';
import { digestHex } from '../tiers/store.ts';

const FILES = {
  '/': { text: page, contentType: 'text/html; charset=utf-8' },
  '/dashboard/main.js': { text: script, contentType: 'text/javascript; charset=utf-8' },
  '/dashboard/style.css': { text: style, contentType: 'text/css; charset=utf-8' },
};

/**
 * Nothing but the page's own files, no markup made from strings (Trusted Types), no frames. The API is asked on this host only.
 */
const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

/** The dashboard: a page that shows what the API tells. No part of the API, so not in its document. */
export function addDashboardRoutes(app: App): void {
  for (const [path, { text, contentType }] of Object.entries(FILES)) {
    const bytes = new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
    let representation: Representation | undefined;
    app.get(path, async (c) => {
      representation ??= await represent(bytes, contentType);
      const { status, headers, range } = decideAnswer(c.req.method, c.req.raw.headers, representation);
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers[name] = value;
      const body = range === null ? null : bytes.subarray(range.offset, range.offset + range.length);
      return new Response(body, { status, headers });
    });
  }
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
