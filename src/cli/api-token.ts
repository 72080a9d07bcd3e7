import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.js';

/** The token in the file given, else the bootstrap token, else the one of the first run; undefined where there is none. */
export function tokenFrom(config: Config, tokenFile: string | undefined): string | undefined {
  if (tokenFile !== undefined) return existsSync(tokenFile) ? readFileSync(tokenFile, 'utf8').trim() : '';
  if (config.adminToken !== undefined) return config.adminToken.reveal();
  const file = join(config.dataDir, 'first-run.json');
  if (!existsSync(file)) return undefined;
  const made = JSON.parse(readFileSync(file, 'utf8')) as { readonly admin?: { readonly token?: string } };
  return made.admin?.token;
}
