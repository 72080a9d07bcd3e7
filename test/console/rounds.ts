import { setTimeout as sleep } from 'node:timers/promises';
import type { CDPSession, Page, Route } from 'playwright-core';

/**
 * How many rounds of requests lie between the document and what is shown: a round is held until the page has nothing left to do and every
 * request it made is held, then answered at once. It says how often a page waits, however fast the machine is.
 */
export async function roundsUntil(page: Page, url: string, isShown: () => Promise<boolean>): Promise<number> {
  const browser = await page.context().newCDPSession(page);
  const unanswered = await watchRequests(browser);
  let held: Route[] = [];
  let isOver = false;
  await page.route('**/*', (route) => (isOver || route.request().isNavigationRequest() ? route.continue() : void held.push(route)));
  await page.goto(url, { waitUntil: 'commit' });
  for (let rounds = 0; ; ) {
    await untilIdle(browser);
    // What is asked for after that, such as a chart beside the list, is not waited for.
    if (await isShown()) {
      isOver = true;
      await Promise.all(held.map((route) => route.continue()));
      return rounds;
    }
    const isHeld = new Set(held.map((route) => route.request().url()));
    if (held.length === 0 || [...unanswered.values()].some((address) => !isHeld.has(address))) {
      await sleep(50);
      continue;
    }
    const round = held;
    held = [];
    rounds += 1;
    await Promise.all(round.map((route) => route.continue()));
  }
}

/** The requests of a page that have no whole answer yet: address by id. What tells of changes never has one, and nothing waits for it. */
async function watchRequests(browser: CDPSession): Promise<ReadonlyMap<string, string>> {
  const unanswered = new Map<string, string>();
  browser.on('Network.requestWillBeSent', ({ requestId, request: { url, headers } }) => {
    if (/^http/.test(url) && !Object.values(headers).includes('text/event-stream')) unanswered.set(requestId, url);
  });
  for (const end of ['Network.loadingFinished', 'Network.loadingFailed'] as const) browser.on(end, ({ requestId }) => unanswered.delete(requestId));
  await browser.send('Network.enable');
  return unanswered;
}

/**
 * Waits until the page has nothing to do, twice. It is told in the same line of messages as requests are, so that all those made before are known.
 * A page that draws nothing yet is never called idle by some browsers: it has what it is about to do behind it after a second.
 */
async function untilIdle(browser: CDPSession): Promise<void> {
  const idle = { expression: 'new Promise((isIdle) => requestIdleCallback(isIdle, { timeout: 1000 }))', awaitPromise: true };
  for (let times = 0; times < 2; times += 1) await browser.send('Runtime.evaluate', idle);
}
