import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page, Route } from 'playwright-core';
import t from 'tap';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';
import { startBrowser, withoutBrowser } from './browser.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Nothing is timed; a crowded machine only takes longer. */
const patienceMs = 120_000;

/** Builds the console as `npm ci` does; `npm test` has done so once for all files. */
async function buildConsole(): Promise<void> {
  if (process.env.GATEHOUSE_TEST_BUILT === '1') return;
  const vite = join(require.resolve('vite/package.json'), '../bin/vite.js');
  const built = await run(process.execPath, [vite, 'build', 'src/console'], { cwd: root, timeoutMs: 600_000 });
  if (built.code !== 0) throw new Error(built.output);
}

/** A browser's window on the console, and everything that went wrong in it. */
export interface Stage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console and of scripts, refusals of the content security policy, and dialogs. */
  readonly faults: string[];
  /** Loads a place anew and waits until it has read what it shows. */
  open(path: string): Promise<void>;
  /** Goes to a place as links do, without loading the console again. */
  visit(path: string): Promise<void>;
  close(): Promise<void>;
}

interface StageOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
  /** Signed in with this token; absent: nobody. */
  readonly token?: string;
}

/** What a page writes down of refusals; read back by `open`. */
function noteRefusals(token: string | undefined): void {
  if (token !== undefined) sessionStorage.setItem('gatehouse.token', token);
  document.addEventListener('securitypolicyviolation', (event) => reportError(new Error(`refused by policy: ${event.violatedDirective} ${event.blockedURI}`)));
}

/** One server, one browser and its windows, for all tests of a file. */
export interface House {
  /** As tap's `skip`. */
  readonly skip: string | false;
  readonly server: RunningServer;
  stage(options?: StageOptions): Promise<Stage>;
  /** A window of the first administrator. */
  admin(options?: Omit<StageOptions, 'token'>): Promise<Stage>;
}

interface HouseOptions {
  readonly start?: () => Promise<RunningServer>;
  readonly prepare?: (server: RunningServer) => unknown;
}

/**
 * Builds the console, starts server and browser before the tests of a file and ends them afterwards; without a browser the tests are left out.
 *
 * @param options.start - Another server than a fresh one.
 * @param options.prepare - Fills the server before the first test.
 */
export function openHouse({ start = startServer, prepare = () => undefined }: HouseOptions = {}): House {
  t.setTimeout(1_800_000);
  const skip = withoutBrowser();
  let open: OpenHouse | undefined;
  const opened = (): OpenHouse => {
    if (open === undefined) throw new Error('the house opens before the first test');
    return open;
  };
  t.before(async () => {
    if (skip !== false) return;
    await buildConsole();
    const server = await start();
    t.teardown(() => server.dispose());
    const browser = await startBrowser();
    t.teardown(() => browser.close());
    open = { server, browser, contexts: new Map() };
    await prepare(server);
  });
  const stage = (options: StageOptions = {}): Promise<Stage> => openStage(opened(), options);
  return {
    skip,
    get server() {
      return opened().server;
    },
    stage,
    admin: (options = {}) => stage({ ...options, token: opened().server.firstRun.admin.token }),
  };
}

interface OpenHouse {
  readonly server: RunningServer;
  readonly browser: Browser;
  /** Of callers with a token, by what they are made with: the next window of the same kind finds the console's files in their cache. */
  readonly contexts: Map<string, Promise<BrowserContext>>;
}

function contextOf({ browser, contexts }: OpenHouse, options: StageOptions): Promise<BrowserContext> {
  const { token } = options;
  const key = JSON.stringify(options);
  const context = contexts.get(key) ?? newContext(browser, options);
  if (token !== undefined) contexts.set(key, context);
  return context;
}

async function newContext(browser: Browser, { scheme = 'light', width = 1280, height = 860, token }: StageOptions): Promise<BrowserContext> {
  // A dialog that still moves on a crowded machine is pressed and released at two places, which is no click.
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce', acceptDownloads: true });
  context.setDefaultTimeout(patienceMs);
  await context.addInitScript(noteRefusals, token);
  return context;
}

async function openStage(house: OpenHouse, options: StageOptions): Promise<Stage> {
  const context = await contextOf(house, options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && faults.push(`${page.url()}: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`${page.url()}: dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  const open = async (path: string): Promise<void> => {
    await page.goto(`${house.server.adminUrl}${path}`);
    await untilShown(page);
  };
  const close = (): Promise<void> => (options.token === undefined ? context.close() : page.close());
  return { page, context, faults, open, visit: (path) => visit(page, path, () => open(path)), close };
}

async function untilShown(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .mantine-Skeleton-root') === null);
}

/** The heading of the page that is left is marked, since one of another address has a heading of its own; another tab of it is chosen. */
async function visit(page: Page, path: string, open: () => Promise<void>): Promise<void> {
  const to = new URL(path, page.url() === 'about:blank' ? 'http://nowhere' : page.url());
  const tab = to.searchParams.get('tab');
  const isInside = (await page.locator('main h1').count()) > 0;
  const isSamePage = to.pathname === new URL(page.url()).pathname;
  if (!isInside || (isSamePage && tab === null)) return open();
  if (!isSamePage) await page.locator('main h1').evaluate((heading) => heading.setAttribute('data-left', ''));
  await page.evaluate((place) => {
    history.pushState(null, '', place);
    // A router that is just writing an address of its own overlooks the first.
    dispatchEvent(new PopStateEvent('popstate', { state: history.state }));
  }, path);
  await page.locator('main h1:not([data-left])').waitFor();
  if (tab !== null) await page.locator(`[role="tab"][aria-selected="true"][id$="-tab-${tab}"]`).waitFor();
  await untilShown(page);
}

/** Chooses in a select, whether it is the browser's own or the kit's; of several of that name the last. */
export async function choose(page: Page, label: string, option: string): Promise<void> {
  const box = page.getByRole('combobox', { name: label }).last();
  await box.waitFor();
  if ((await box.evaluate((element) => element.tagName)) === 'SELECT') return void (await box.selectOption({ label: option }));
  await box.click();
  // The browser's own selects have options too, which nobody sees.
  await page.locator('[role="option"]').getByText(option, { exact: true }).click();
}

/** Serious and critical findings of axe (WCAG 2.2 AA) on what is shown now. */
export async function seriousFindings(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as {
      axe: {
        run(place: Document, options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }>;
      };
    };
    const { violations } = await checker.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    return serious.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary.slice(0, 200)}`));
  });
}

/** Marks whose words are cut, and the page itself where it is wider than the window. */
export function cutShort(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const marks = [...document.querySelectorAll<HTMLElement>('main .mantine-Badge-root')];
    const labels = marks.flatMap((mark) => [mark, ...mark.querySelectorAll<HTMLElement>('.mantine-Badge-label')]);
    const cut = labels.filter((shown) => shown.scrollWidth > shown.clientWidth + 1).map(({ textContent }) => `cut: ${textContent}`);
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth ? [...cut, `the page is ${scrollWidth - clientWidth} px too wide`] : cut;
  });
}

/** Long enough for whatever is asked for together to be asked for. */
const quietMs = 3_500;

/**
 * How many rounds of requests lie between the document and what is shown: each round is held until nobody asks for more, then answered at
 * once. It says how often a page waits, however fast the machine is.
 */
export async function roundsUntil(page: Page, url: string, isShown: () => Promise<boolean>): Promise<number> {
  let held: Route[] = [];
  let lastAt = Date.now();
  await page.route('**/*', async (route) => {
    if (route.request().isNavigationRequest()) return route.continue();
    held.push(route);
    lastAt = Date.now();
  });
  await page.goto(url, { waitUntil: 'commit' });
  for (let rounds = 0; ; ) {
    await page.waitForTimeout(100);
    if (held.length === 0 && (await isShown())) {
      await page.unroute('**/*');
      return rounds;
    }
    if (held.length === 0 || Date.now() - lastAt < quietMs) continue;
    const round = held;
    held = [];
    rounds += 1;
    await Promise.all(round.map((route) => route.continue()));
  }
}

/** Whether somebody wants to look at the pages: then there are pictures of narrow windows too. */
export const isLookedAt = process.env.GATEHOUSE_SCREENSHOTS !== undefined;
const artefacts = process.env.GATEHOUSE_SCREENSHOTS ?? join(tmpdir(), 'gatehouse-screenshots');

/** Keeps a picture of the page for people to look at: in GATEHOUSE_SCREENSHOTS, else in the temporary folder. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(artefacts, { recursive: true });
  await page.screenshot({ path: join(artefacts, `${name}.png`) });
}
