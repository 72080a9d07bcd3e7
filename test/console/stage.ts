import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import t from 'tap';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';
import { startBrowser, withoutBrowser } from './browser.js';
import { patienceMs, takeNotes } from './hands.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);

/** How many times slower than it could the browser computes, to see what a crowded machine makes of the tests; 1 for as fast as it can. */
const slowness = Number(process.env.CONSOLE_SLOWED ?? '1');

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
  await context.addInitScript(takeNotes, token);
  return context;
}

async function openStage(house: OpenHouse, options: StageOptions): Promise<Stage> {
  const context = await contextOf(house, options);
  const page = await context.newPage();
  if (slowness > 1) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: slowness });
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
