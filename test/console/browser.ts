import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's package of the browser. */
export const browserPackage = 'chromium';

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The browser's file: CHROMIUM, or where Debian puts it; undefined when there is none. */
export function findBrowser(): string | undefined {
  return [process.env.CHROMIUM ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser'].find((file) => file !== '' && isExecutable(file));
}

/** Why the tests of the console are left out, as tap's `skip`; false when they can run. Where the clients are required it throws. */
export function withoutBrowser(): string | false {
  if (findBrowser() !== undefined) return false;
  const message = `no browser: apt-get install -y ${browserPackage}, or name one in CHROMIUM`;
  if (process.env.GATEHOUSE_REQUIRE_CLIENTS === '1') throw new Error(message);
  return message;
}

/** Starts it without a window; whoever starts it closes it. */
export function startBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no browser was found');
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath, headless: true, args });
}
