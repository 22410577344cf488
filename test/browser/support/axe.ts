import axe from 'axe-core';
import type { Page } from 'playwright-core';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Rules that the page breaks, each with the elements that do. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async (values) => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    interface AxeResults {
      violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
      passes: unknown[];
    }
    const results = await axe.run({ runOnly: { type: 'tag', values } });
    if (results.passes.length < 20) return ['axe saw nothing'];
    return results.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
  }, RULES);
}
