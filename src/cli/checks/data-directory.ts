import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config.js';
import { type Finding, failure, good, warning } from './finding.js';

const what = 'Data directory';

/** Readable, writable, and nobody else's to read. */
export function checkDataDirectory({ dataDir, mode }: Pick<Config, 'dataDir' | 'mode'>): readonly Finding[] {
  if (!existsSync(dataDir)) return [absent(dataDir)];
  if (!statSync(dataDir).isDirectory()) return [failure(what, `${dataDir} is not a directory`, 'Set GATEHOUSE_DATA_DIR to another path.')];
  if (!isUsable(dataDir)) return [failure(what, `${dataDir} cannot be read and written by this user`, 'Change its owner, or set GATEHOUSE_DATA_DIR.')];
  return [good(what, dataDir), ...openSecrets(dataDir), ...(mode === 'production' ? leftovers(dataDir) : [])];
}

function absent(dataDir: string): Finding {
  let parent = dirname(dataDir);
  while (!existsSync(parent)) parent = dirname(parent);
  return isUsable(parent)
    ? good(what, `${dataDir} does not exist yet; the first start makes it`)
    : failure(what, `${dataDir} does not exist, and this user cannot make it`, `Make it for this user, or set GATEHOUSE_DATA_DIR.`);
}

function isUsable(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function openSecrets(dataDir: string): readonly Finding[] {
  const open = ['master.key', 'first-run.json'].map((name) => join(dataDir, name)).filter((file) => existsSync(file) && (statSync(file).mode & 0o077) !== 0);
  return open.map((file) => failure('Secret file', `${file} can be read by other users`, `chmod 600 ${file}`));
}

function leftovers(dataDir: string): readonly Finding[] {
  const file = join(dataDir, 'first-run.json');
  return existsSync(file) ? [warning('First run', `${file} still holds the first password and token`, 'Keep them elsewhere and remove the file.')] : [];
}
