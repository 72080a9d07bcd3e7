import { setTimeout as sleep } from 'node:timers/promises';
import type { Locator, Page } from 'playwright-core';

/** Nothing is timed; a crowded machine only takes longer. */
export const patienceMs = 240_000;

/** What a page writes down for the tests: refusals of the policy, which become errors; whether a press became a click; what it announced. */
interface Notes {
  isPressLost?: boolean;
  announced?: string[];
}

/** Runs in the page before all else; functions in it have no names, since what names them stays behind. */
export function takeNotes(token: string | undefined): void {
  if (token !== undefined) sessionStorage.setItem('gatehouse.token', token);
  document.addEventListener('securitypolicyviolation', (event) => reportError(new Error(`refused by policy: ${event.violatedDirective} ${event.blockedURI}`)));
  const notes = globalThis as Notes;
  const pressed: (Element | null)[] = [];
  document.addEventListener(
    'pointerdown',
    ({ target }) => {
      notes.isPressLost = true;
      pressed[0] = target instanceof Element ? (target.closest('a, button, input, label, [role]') ?? target) : null;
    },
    true,
  );
  document.addEventListener(
    'click',
    (event) => {
      if (event.composedPath().some((place) => place === pressed[0])) notes.isPressLost = false;
    },
    true,
  );
  notes.announced = [];
  new MutationObserver((changes) => {
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
      if (node instanceof Element && node.matches('.announcement')) notes.announced?.push(node.textContent ?? '');
    }
  }).observe(document, { childList: true, subtree: true });
}

/**
 * Presses with the mouse. What moved between press and release on a crowded machine was not clicked, and is pressed again; what was clicked never is.
 */
export async function press(target: Locator): Promise<void> {
  do await target.click();
  while (await target.page().evaluate(() => (globalThis as Notes).isPressLost === true));
}

/** Sets a box; one that is so already is left alone. */
export async function setBox(box: Locator, isChecked: boolean): Promise<void> {
  if ((await box.isChecked()) !== isChecked) await press(box);
  if ((await eventually(() => box.isChecked(), isChecked)) !== isChecked) throw new Error(`the box does not become ${isChecked ? 'checked' : 'empty'}`);
}

/** Reads again until it is what is wanted, or patience ends; what it read last, to be compared. */
export async function eventually<T>(read: () => Promise<T>, wanted: T | RegExp): Promise<T> {
  const isWanted = (value: T): boolean => (wanted instanceof RegExp ? wanted.test(String(value)) : value === wanted);
  const end = Date.now() + patienceMs;
  for (let value = await read(); ; value = await read()) {
    if (isWanted(value) || Date.now() > end) return value;
    await sleep(50);
  }
}

/** Waits until the page has said this in its corner, even where the words are gone again. */
export async function untilAnnounced(page: Page, text: string): Promise<void> {
  await page.waitForFunction((wanted) => (globalThis as Notes).announced?.some((said) => said.includes(wanted)), text);
}

/** Chooses in a select, whether it is the browser's own or the kit's; of several of that name the last. */
export async function choose(page: Page, label: string, option: string): Promise<void> {
  const box = page.getByRole('combobox', { name: label }).last();
  await box.waitFor();
  if ((await box.evaluate((element) => element.tagName)) === 'SELECT') return void (await box.selectOption({ label: option }));
  await press(box);
  // The browser's own selects have options too, which nobody sees.
  const wanted = page.locator('[role="option"]').getByText(option, { exact: true });
  await press(wanted);
  await wanted.waitFor({ state: 'hidden' });
}

/** Adds one more to what is chosen of a list with several choices. */
export async function tick(page: Page, label: string, option: string): Promise<void> {
  const input = page.getByRole('dialog').getByLabel(label).last();
  // A mark of what is chosen already may lie above it.
  await input.press('ArrowDown');
  const wanted = page.locator('[role="option"]').getByText(option, { exact: true });
  await press(wanted);
  await input.press('Escape');
  await wanted.waitFor({ state: 'hidden' });
}
