import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeContext } from '../edge/support/objects.ts';
import { launchBrowser, openPage, skipReason } from './support/browser.ts';
import { type Context, type Stage, startStage } from './support/stage.ts';

const HOSTILE = [
  '<img src=x onerror="window.pwned=1">',
  '"><script>window.pwned=1</script>',
  '</title></svg><svg onload=window.pwned=1>',
  'javascript:window.pwned=1',
  '{{constructor.constructor("window.pwned=1")()}}',
];

describe.skipIf(skipReason !== null)('hostile names', () => {
  let stage: Stage;
  let browser: Browser;
  const contexts: Context[] = [];

  beforeAll(async () => {
    [stage, browser] = await Promise.all([startStage(), launchBrowser()]);
    for (const name of HOSTILE) {
      const context = await makeContext();
      context.manifest.model.name = name;
      await stage.publish(context);
      contexts.push(context);
    }
  });

  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  test('of models are text, in the list and in the context', async () => {
    const { page, complaints } = await openPage(browser, stage.url);
    for (const [i, name] of HOSTILE.entries()) {
      await page.getByRole('cell', { name, exact: true }).waitFor();
      await page.goto(`${stage.url}/#context=${contexts[i]!.id}`);
      await page.locator('dd').filter({ hasText: name }).waitFor();
    }
    expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
    expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test('of levels are text, even where an API answered with what it must not', async () => {
    const { manifest } = contexts[0]!;
    const name = HOSTILE[2]!;
    const forged = {
      ...manifest,
      chunks: manifest.chunks.map((chunk) => ({
        ...chunk,
        id: HOSTILE[3],
        levels: chunk.levels.map((level, i) => ({ ...level, name: `${name}${i}` })),
      })),
    };
    const { page, complaints } = await openPage(browser, stage.url);
    await page.route(`**/v1/contexts/${manifest.id}`, (route) => route.fulfill({ json: forged }));
    await page.goto(`${stage.url}/#context=${manifest.id}`);
    await page.getByRole('radio', { name: `${name}1` }).check();
    await page.getByText(`At level ${name}1`).waitFor();
    expect(await page.locator('svg.plot text.label').first().textContent()).toBe(`${name}0`);
    expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  test('and details of failed jobs are text', async () => {
    const failing = await makeContext();
    failing.manifest.model.name = HOSTILE[1]!;
    const job = await stage.startJob(failing);
    const { page, complaints } = await openPage(browser, `${stage.url}/#context=${job.id}`);
    await page.locator('.job').getByText(HOSTILE[1]!).waitFor(); // the list has it too
    await job.report({ type: 'failed', code: 'profile-missing', detail: HOSTILE[0]! });
    await page.getByText(`Failed with profile-missing: ${HOSTILE[0]}`).waitFor();
    expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  test('in the address select nothing', async () => {
    for (const fragment of ['#context=<script>', `#context=${'../'.repeat(20)}`, '#context=javascript:1']) {
      const { page, hosts, close } = await openPage(browser, `${stage.url}/${fragment}`);
      await page.getByRole('heading', { name: 'Contexts' }).waitFor();
      expect(await page.locator('#context input').inputValue()).toBe('');
      expect([...hosts]).toEqual([new URL(stage.url).host]);
      await close();
    }
  });

  test('could do nothing even if they became markup: the policy refuses', async () => {
    const { page } = await openPage(browser, stage.url);
    const outcome = await page.evaluate(async () => {
      try {
        document.body.innerHTML = '<img src=x onerror="window.pwned=1">';
        return 'assigned';
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(outcome).toBe('TypeError'); // Trusted Types
    const violated = await page.evaluate(() =>
      new Promise<string>((resolve) => {
        addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
        const script = document.createElement('script');
        script.append('window.pwned=1');
        document.body.append(script);
        setTimeout(() => resolve('nothing'), 2000);
      }).catch((error: Error) => error.name),
    );
    expect(['script-src-elem', 'require-trusted-types-for', 'TypeError']).toContain(violated);
    expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  });
});
