import { existsSync, readFileSync } from 'node:fs';

/** The version of this program, as its package says. */
export function programVersion(): string {
  // From source the package lies two folders up, built (dist/) three.
  const file = ['../../package.json', '../../../package.json'].map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (file === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}
