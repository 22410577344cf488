import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeContext } from '../edge/support/objects.ts';
import { violations } from './support/axe.ts';
import { launchBrowser, openPage, type PageLook, skipReason } from './support/browser.ts';
import { type Context, type Stage, type StagedJob, startStage } from './support/stage.ts';

describe.skipIf(skipReason !== null)('accessibility of the dashboard', () => {
  let stage: Stage;
  let browser: Browser;
  let context: Context;
  let pending: StagedJob;

  beforeAll(async () => {
    [stage, browser, context] = await Promise.all([
      startStage(),
      launchBrowser(),
      makeContext({ chunkCount: 3 }),
    ]);
    await stage.publish(context);
    pending = await stage.startJob(await makeContext());
  });

  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  test.each<[string, PageLook]>([
    ['light', {}],
    ['dark', { dark: true }],
    ['narrow', { width: 360 }],
  ])('axe finds nothing: %s', async (_, look) => {
    const { page, close } = await openPage(browser, `${stage.url}/#context=${context.id}`, look);
    await page.getByLabel('Token with scope admin').fill(stage.adminToken);
    await page.getByRole('button', { name: 'Show traffic' }).click();
    await page.getByRole('table', { name: 'Requests by status' }).waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.getByRole('img', { name: '3 chunks as bars' }).waitFor();
    expect(await violations(page)).toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await close();
  });

  test('axe finds nothing while a job runs, and when something is wrong', async () => {
    const running = await openPage(browser, `${stage.url}/#context=${pending.id}`);
    await running.page.getByRole('progressbar').waitFor();
    expect(await violations(running.page)).toEqual([]);
    await running.close();
    const wrong = await openPage(browser, `${stage.url}/#context=${'1'.repeat(64)}`, { dark: true });
    await wrong.page.getByRole('alert').waitFor();
    expect(await violations(wrong.page)).toEqual([]);
    await wrong.close();
  });

  test('has landmarks, one main heading, and moves nothing when asked not to', async () => {
    const { page, close } = await openPage(browser, `${stage.url}/#context=${context.id}`);
    await page.getByRole('img', { name: '3 chunks as bars' }).waitFor();
    for (const role of ['banner', 'navigation', 'main', 'contentinfo'] as const) {
      expect(await page.getByRole(role).count()).toBe(1);
    }
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    const moving = await page.evaluate(
      () =>
        [...document.querySelectorAll('*')].filter((element) => {
          const { transitionDuration, animationName } = getComputedStyle(element);
          return animationName !== 'none' || !/^(0s(, )?)+$/.test(transitionDuration);
        }).length,
    );
    expect(moving).toBe(0);
    await close();
  });
});
