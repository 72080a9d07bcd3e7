import { chmodSync, cpSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the built program: where it runs from there, and where it runs from source. */
const places = ['../../../empty-database/', '../../../dist/empty-database/'].map((place) => fileURLToPath(new URL(place, import.meta.url)));

/**
 * Lays the files of an empty database into `directory` if it is empty and the build has made them; else PGlite makes its own, which takes
 * it five times as long and thrice the memory. All or nothing: whoever dies meanwhile leaves an empty directory behind.
 */
export function layEmptyDatabase(directory: string): void {
  const template = places.find((place) => existsSync(`${place}PG_VERSION`));
  if (template === undefined || readdirSync(directory).length > 0) return;
  const unfinished = `${directory}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(template, unfinished, { recursive: true });
  chmodSync(unfinished, 0o700);
  renameSync(unfinished, directory);
}
