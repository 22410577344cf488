import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Why the tests that need a browser cannot run here; null if they can. Said aloud once per file. */
export const skipReason: string | null = existsSync(CHROMIUM)
  ? null
  : `there is no ${CHROMIUM}: install it with "apt-get install chromium"`;

if (skipReason !== null) console.warn(`SKIP browser tests: ${skipReason}`);

/** Without what a browser does in the background: it would ask hosts of its own. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

export interface Watched {
  page: Page;
  /** Uncaught errors, errors on the console (refusals by the content security policy among them) and dialogs. */
  complaints: string[];
  /** Hosts asked for anything. */
  hosts: Set<string>;
  close(): Promise<void>;
}

export interface PageLook {
  dark?: boolean;
  width?: number;
}

/** A page in a profile of its own, with a record of what goes wrong in it. */
export async function openPage(browser: Browser, url: string, look: PageLook = {}): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: look.width ?? 1100, height: 900 },
    colorScheme: look.dark === true ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  await page.goto(url);
  return { page, complaints, hosts, close: () => context.close() };
}
