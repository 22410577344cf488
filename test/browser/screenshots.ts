/**
 * `npm run screenshots`: pictures of the dashboard and of /open for docs/, taken in Chromium from a real origin and the real Worker that
 * publish and serve a chapter. Needs the model ("npm run kvedge -- model fetch").
 */
import { fileURLToPath } from 'node:url';
import { demoText } from '../../src/cli/demo/text.ts';
import { mintLocalToken, readSecrets } from '../../src/cli/local/secrets.ts';
import { startStack } from '../../src/cli/local/stack.ts';
import { fetchManifest, followContext, publishContext } from '../../src/client/index.ts';
import { SMOLLM2 } from '../../src/engine/llama/models.ts';
import { launchBrowser, openPage, skipReason } from './support/browser.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
/** Longer than the Worker takes to flush its counters, and the page to ask for them. */
const COUNTED_MS = 11_000;

/** Of the picture of /open: enough for more than the coarsest level on a busy machine. */
const DEADLINE_MS = '3000';

if (skipReason !== null) throw new Error(skipReason);
const stack = await startStack({ name: 'test', profiles: [] });
const browser = await launchBrowser();
try {
  const { text } = await demoText();
  const first = await publishContext(stack.access, { model: SMOLLM2.id, text: text.slice(0, 3_000) });
  await followContext(stack.access, first.id);
  const { id } = await publishContext(stack.access, { model: SMOLLM2.id, text });

  const running = await openPage(browser, `${stack.edge.url}/#context=${id}`);
  await running.page.getByText(/^Prefilled/).waitFor({ timeout: 60_000 });
  await running.page.locator('#context').screenshot({ path: `${DOCS}dashboard-job.png` });
  await followContext(stack.access, id);

  await load(id);
  const secrets = await readSecrets(stack.home);
  const admin = await mintLocalToken(secrets!, { scopes: ['admin'], ttlSeconds: 600 });
  for (const [name, look] of [
    ['light', {}],
    ['dark', { dark: true }],
    ['narrow', { width: 390 }],
  ] as const) {
    const { page, complaints } = await openPage(browser, `${stack.edge.url}/#context=${id}`, look);
    await page.getByRole('radio', { name: 'standard' }).check();
    await page.getByLabel('Token with scope admin').fill(admin);
    await page.getByRole('button', { name: 'Show traffic' }).click();
    await page.waitForTimeout(COUNTED_MS);
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    const file = { path: `${DOCS}dashboard-${name}.png` };
    if (name === 'light') await page.screenshot({ ...file, fullPage: true });
    else await page.locator('#context').screenshot(file);
  }

  const opened = await openPage(browser, `${stack.edge.url}/open#context=${id}`);
  // The first visit keeps the profile in the browser; the second is the picture.
  for (const deadline of ['', DEADLINE_MS]) {
    await opened.page.reload();
    await opened.page.getByLabel('or deadline, ms').fill(deadline);
    await opened.page.getByRole('button', { name: 'Open' }).click();
    await opened.page.getByText(/^Opened: /).waitFor({ timeout: 60_000 });
  }
  await opened.page.screenshot({ path: `${DOCS}open.png`, fullPage: true });
  if (opened.complaints.length > 0) throw new Error(opened.complaints.join('\n'));
} finally {
  await browser.close();
  await stack.close();
}

/** Traffic to look at: every level of every chunk once, `standard` some more, and a request that is refused. */
async function load(id: string): Promise<void> {
  const { chunks } = await fetchManifest(stack.access, id);
  for (const chunk of chunks) {
    const levels = chunk.levels.map(({ name }) => name);
    for (const level of [...levels, ...Array(5).fill('standard')]) {
      const response = await fetch(`${stack.edge.url}/v1/chunks/${chunk.id}?level=${level}`);
      await response.arrayBuffer();
    }
  }
  await (await fetch(`${stack.edge.url}/v1/chunks/${chunks[0]!.id}?level=ultra`)).arrayBuffer();
}
