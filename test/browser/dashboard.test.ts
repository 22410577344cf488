import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeContext } from '../edge/support/objects.ts';
import { launchBrowser, openPage, skipReason, type Watched } from './support/browser.ts';
import { type Context, type Stage, startStage } from './support/stage.ts';

describe.skipIf(skipReason !== null)('the dashboard in Chromium', () => {
  let stage: Stage;
  let browser: Browser;
  let context: Context;
  const pages: Watched[] = [];

  beforeAll(async () => {
    [stage, browser, context] = await Promise.all([
      startStage(),
      launchBrowser(),
      makeContext({ chunkCount: 3 }),
    ]);
    await stage.publish(context);
  });

  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  async function open(fragment = ''): Promise<Watched> {
    const watched = await openPage(browser, `${stage.url}/${fragment}`);
    pages.push(watched);
    return watched;
  }

  test('lists contexts and shows one, by keyboard alone', async () => {
    const { page } = await open();
    const link = page.getByRole('link', { name: context.id.slice(0, 12) });
    await link.waitFor();
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').textContent()).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 10 && !(await link.evaluate((node) => node === document.activeElement)); i++) {
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Enter');
    await page.getByRole('img', { name: '3 chunks as bars' }).waitFor();
    expect(await page.locator('svg.chunks rect').count()).toBe(3 * 4);
    expect(await page.locator('tr.current').count()).toBe(1);
    expect(page.url()).toBe(`${stage.url}/#context=${context.id}`);
  });

  test('tells what a level costs, and shows which part of each chunk it is', async () => {
    const { page } = await open(`#context=${context.id}`);
    await page.getByRole('radio', { name: 'standard' }).check();
    const text = await page.locator('figcaption p[aria-live]').textContent();
    const standard = context.manifest.chunks.reduce((sum, chunk) => sum + chunk.levels[1]!.bytes, 0);
    expect(text).toMatch(/^At level standard a client loads [\d.]+ kB of [\d.]+ kB, [\d.]+ bits a value/);
    expect(text).toContain(`${Number((standard / 1000).toPrecision(3))} kB of`);
    expect(await page.locator('svg.chunks rect.beyond').count()).toBe(3 * 2);
  });

  test('plots a falling curve with a point and a row for each level', async () => {
    const { page } = await open(`#context=${context.id}`);
    const plot = page.getByRole('img', { name: 'Plot of predicted damage over bytes: draft' });
    await plot.waitFor();
    const points = await plot
      .locator('circle')
      .evaluateAll((circles) => circles.map((c) => [c.getAttribute('cx'), c.getAttribute('cy')].map(Number)));
    expect(points).toHaveLength(4);
    for (let i = 1; i < points.length; i++) {
      expect(points[i]![0]).toBeGreaterThan(points[i - 1]![0]!);
      expect(points[i]![1]).toBeGreaterThan(points[i - 1]![1]!); // y grows downwards
    }
    await page.getByText('The plot as a table').click();
    expect(await page.getByRole('row', { name: /^draft .* 0\.06$/ }).count()).toBe(1);
  });

  test('follows a job live, and shows the context once it is published', async () => {
    const { page } = await open();
    const coming = await makeContext({ chunkCount: 4 });
    const job = await stage.startJob(coming);
    await page.getByLabel('Context id').fill(job.id);
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    const status = page.locator('.job [role=status]');
    await page.getByText('868 tokens in 4 chunks').waitFor();
    await job.report({ type: 'prefilled', tokensDone: 434, tokenCount: 868 });
    await page.getByText('Prefilled 434 of 868 tokens').waitFor();
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('0.25');
    await job.report({ type: 'chunk', chunksDone: 2, chunksTotal: 4 });
    await page.getByText('Chunk 2 of 4 stored').waitFor();
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('0.5');
    expect(await status.count()).toBe(1);
    await stage.publish(coming);
    await job.report({ type: 'published', id: coming.id });
    await page.getByRole('img', { name: '4 chunks as bars' }).waitFor();
  });

  test('says why a job failed, and why a context cannot be shown', async () => {
    const failing = await stage.startJob(await makeContext());
    const { page } = await open(`#context=${failing.id}`);
    await page.getByRole('progressbar').waitFor();
    await failing.report({ type: 'failed', code: 'profile-missing', detail: 'none for small' });
    await page.getByText('Failed with profile-missing: none for small').waitFor();

    const missing = await openPage(browser, `${stage.url}/#context=${'1'.repeat(64)}`);
    await missing.page.getByRole('alert').waitFor();
    expect(await missing.page.getByRole('alert').textContent()).toContain('No such context');
    // Chromium reports the 404 on the console; nothing else may be there.
    expect(missing.complaints.filter((text) => !text.includes('status of 404'))).toEqual([]);
    await missing.close();
  });

  test('shows traffic to who has a token, and refreshes it', async () => {
    const { page } = await open();
    for (let i = 0; i < 4; i++) await fetch(`${stage.url}/v1/chunks/${context.ids[0]}?level=draft`);
    await page.getByLabel('Token with scope admin').fill(stage.adminToken);
    await page.getByRole('button', { name: 'Show traffic' }).click();
    await page
      .getByRole('table', { name: 'Chunk bytes by level' })
      .getByRole('row', { name: /draft/ })
      .waitFor();
    expect(
      await page
        .locator('dd')
        .filter({ hasText: /^\d+(\.\d+)?%$/ })
        .count(),
    ).toBe(1);
    const stored = (await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))) as string;
    expect(stored).not.toContain(stage.adminToken);

    const denied = await openPage(browser, stage.url);
    await denied.page.getByLabel('Token with scope admin').fill('wrong');
    await denied.page.getByRole('button', { name: 'Show traffic' }).click();
    await denied.page.getByRole('alert').waitFor();
    await denied.close();
  });

  test('meanwhile asked no other host and broke no rule of its policy', () => {
    expect(pages.length).toBeGreaterThan(4);
    for (const { complaints, hosts } of pages) {
      expect(complaints).toEqual([]);
      expect([...hosts]).toEqual([new URL(stage.url).host]);
    }
  });
});
