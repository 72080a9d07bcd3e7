import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const everyRule = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] };

/** The rules of axe that look at colours: all that can differ between the light page and the same page in dark. */
export const rulesOfColour = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

/** Serious and critical findings of axe (WCAG 2.2 AA) on what is shown now. */
export async function seriousFindings(page: Page, runOnly = everyRule): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  return page.evaluate(async (rules) => {
    const { axe: checker } = globalThis as unknown as {
      axe: {
        run(place: Document, options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const { violations } = await checker.run(document, { runOnly: rules });
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    return serious.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 200)}`));
  }, runOnly);
}

/** Marks whose words are cut, and the page itself where it is wider than the window. */
export function cutShort(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    // What follows the size of the window does so with the next frame.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    const marks = [...document.querySelectorAll<HTMLElement>('main .mantine-Badge-root')];
    const labels = marks.flatMap((mark) => [mark, ...mark.querySelectorAll<HTMLElement>('.mantine-Badge-label')]);
    const cut = labels.filter((shown) => shown.scrollWidth > shown.clientWidth + 1).map(({ textContent }) => `cut: ${textContent}`);
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [...cut, `the page is ${scrollWidth - clientWidth} px too wide`] : cut;
  });
}

/** Whether somebody wants to look at the pages: then there are pictures of narrow windows too. */
export const isLookedAt = process.env.GATEHOUSE_SCREENSHOTS !== undefined;
const artefacts = process.env.GATEHOUSE_SCREENSHOTS ?? join(tmpdir(), 'gatehouse-screenshots');

/** Keeps a picture of the page for people to look at: in GATEHOUSE_SCREENSHOTS, else in the temporary folder. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `${name}.png`) });
}
