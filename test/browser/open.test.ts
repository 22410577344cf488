import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SampleContext, sampleContext } from '../../bench/edge/sample-context.ts';
import { loadWasmCodec } from '../../src/codec/index.ts';
import { contextPlanesDigest, planesDigest } from '../../src/engine/planes-digest.ts';
import { unusedId } from '../edge/support/objects.ts';
import { violations } from './support/axe.ts';
import { launchBrowser, openPage, type PageLook, skipReason } from './support/browser.ts';
import { type Stage, startStage } from './support/stage.ts';

const CHUNKS = 2;
/** A slow machine unpacks a profile of 22 MB meanwhile. */
const OPEN_MS = 45_000;

describe.skipIf(skipReason !== null)('the page that opens a context, in Chromium', () => {
  let stage: Stage;
  let browser: Browser;
  let context: SampleContext;

  beforeAll(async () => {
    [stage, browser, context] = await Promise.all([startStage(), launchBrowser(), sampleContext(CHUNKS)]);
    const { contextId: id, profile, profileId, chunks, publish } = context;
    await stage.publish({
      id,
      profile,
      profileId,
      ids: chunks.map((chunk) => chunk.id),
      objects: chunks.map((chunk) => chunk.bytes),
      ...publish,
    });
  });

  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  /** The digest by the same codec in Node, from the objects themselves. */
  async function expectedDigest(level: string): Promise<string> {
    const profile = (await loadWasmCodec({ relaxedSimd: false })).loadProfile(context.profile);
    try {
      const decoded = context.chunks.map(({ bytes }) => profile.decodeChunk(bytes, { level }));
      return await contextPlanesDigest(await Promise.all(decoded.map(planesDigest)));
    } finally {
      profile.close();
    }
  }

  const open = (look: PageLook = {}, id = context.contextId) =>
    openPage(browser, `${stage.url}/open#context=${id}`, look);

  async function press(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText(/^Opened: /).waitFor({ timeout: OPEN_MS });
  }

  test('decodes in a Web Worker to the very planes that Node gets, at the level asked for', async () => {
    const { page, complaints, hosts, close } = await open();
    for (const level of ['standard', 'near-lossless']) {
      await page.getByLabel('Level').fill(level === 'standard' ? '' : level);
      await press(page);
      const digest = await page.locator('dd.id').textContent();
      expect(digest).toBe(await expectedDigest(level));
      const rows = page.getByRole('region', { name: 'Chunks on their way' }).locator('tbody tr');
      expect(await rows.count()).toBe(CHUNKS);
      for (const [i, row] of (await rows.all()).entries()) {
        const cells = await row.locator('td').allTextContents();
        const { bytes } = context.publish.manifest.chunks[i]!.levels.find(({ name }) => name === level)!;
        expect(cells[1]).toBe(level);
        expect(cells[4]).toMatch(/^\d+ ms$/);
        expect(Number(await row.getByRole('progressbar').getAttribute('value'))).toBe(bytes);
        expect(Number(await row.getByRole('progressbar').getAttribute('max'))).toBe(bytes);
      }
    }
    const [openedIn, decodingFor] = [
      ...(await page.locator('dd').first().textContent())!.matchAll(/([\d.]+) s/g),
    ].map(([, seconds]) => Number(seconds));
    expect(decodingFor).toBeGreaterThan(0);
    expect(decodingFor).toBeLessThanOrEqual(openedIn!);
    expect(page.workers()).toHaveLength(1);
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual([new URL(stage.url).host]);
    await close();
  });

  /** What the rows of the table say, column by column. */
  const columns = async (page: Page, column: number) => {
    const rows = page.getByRole('region', { name: 'Chunks on their way' }).locator('tbody tr');
    return Promise.all((await rows.all()).map((row) => row.locator('td').nth(column).textContent()));
  };

  test.each([
    ['600000', 'near-lossless', ': met'],
    ['1', 'draft', ': missed by'],
  ])('by a deadline of %s ms every chunk comes at %s', async (deadline, level, verdict) => {
    const { page, complaints, close } = await open();
    await page.getByLabel('or deadline, ms').fill(deadline);
    await press(page);
    expect(await columns(page, 1)).toEqual(Array(CHUNKS).fill(level));
    expect(await page.locator('dd.id').textContent()).toBe(await expectedDigest(level));
    expect(await page.locator('dd', { hasText: verdict }).count()).toBe(1);
    expect(complaints).toEqual([]);
    await close();
  });

  test('says what is wrong with a deadline, and asks the edge for nothing', async () => {
    const { page, complaints, close } = await open();
    let requests = 0;
    page.on('request', () => {
      requests += 1;
    });
    const input = page.getByLabel('or deadline, ms');
    for (const [deadline, why] of [
      ['0', 'at least 1 millisecond'],
      ['-1', 'whole number'],
      ['99999999999', 'at most 600000'],
      ['soon', 'whole number'],
    ] as const) {
      await input.fill(deadline);
      await page.getByRole('button', { name: 'Open' }).click();
      expect(await page.getByRole('alert').textContent()).toContain(why);
      expect(await input.getAttribute('aria-invalid')).toBe('true');
      expect(await input.evaluate((element) => element === document.activeElement)).toBe(true);
    }
    await page.getByLabel('Level', { exact: true }).fill('draft');
    await input.fill('800');
    await page.getByRole('button', { name: 'Open' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('not both');
    expect(await violations(page)).toEqual([]);
    expect(requests).toBe(0);
    await input.fill('');
    await press(page);
    expect(await columns(page, 1)).toEqual(Array(CHUNKS).fill('draft'));
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  test('says what was saved for the speed of an engine, and compares digests', async () => {
    const { page, complaints, close } = await open();
    await press(page);
    await page.getByLabel(/^Prefill speed/).fill('1');
    await page.getByText('Time saved').waitFor();
    await page.getByLabel(/^Prefill speed/).fill('1000000');
    await page.getByText('Time lost').waitFor();
    const compare = page.getByLabel(/^SHA-256 to compare with/);
    await compare.fill('0'.repeat(64));
    await page.getByText('The planes differ.').waitFor();
    await compare.fill(await expectedDigest('standard'));
    await page.getByText('The planes are the same.').waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  test('fetches the profile once, however often it opens', async () => {
    const { page, close } = await open();
    let profiles = 0;
    page.context().on('request', (request) => {
      if (request.url().includes('/v1/profiles/')) profiles += 1;
    });
    await press(page);
    await page.reload();
    await press(page);
    expect(profiles).toBe(1);
    await close();
  });

  test('loads nothing of a chunk that was changed on its way', async () => {
    const { page, close } = await open();
    const { id } = context.chunks[1]!;
    await page.context().route(`**/v1/chunks/${id}*`, async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[body.length - 1]! ^= 1;
      await route.fulfill({ response, body });
    });
    await page.getByRole('button', { name: 'Open' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('SHA-256');
    expect(await page.getByRole('heading', { name: 'Outcome' }).count()).toBe(0);
    await close();
  });

  test('says what is wrong with an id that names nothing', async () => {
    const { page, close } = await open({}, unusedId());
    await page.getByRole('button', { name: 'Open' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('404');
    await close();
  });

  test.each<[string, PageLook]>([
    ['light', {}],
    ['dark', { dark: true }],
    ['narrow', { width: 360 }],
  ])('axe finds nothing: %s', async (_, look) => {
    const { page, close } = await open(look);
    expect(await violations(page)).toEqual([]);
    await press(page);
    expect(await violations(page)).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await close();
  });
});
