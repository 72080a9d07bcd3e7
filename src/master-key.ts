import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.js';
import { fail, ok, type Result } from './runtime/result.js';
import { directoryFault, type StartFault } from './start-fault.js';

/** The configured master key, or the one of dev mode; the fault is a data directory that cannot be used. */
export async function masterKeyOf(config: Pick<Config, 'masterKey' | 'dataDir'>): Promise<Result<Buffer, StartFault>> {
  if (config.masterKey !== undefined) return ok(config.masterKey.reveal());
  try {
    return ok(await devMasterKey(config.dataDir));
  } catch (error) {
    return fail(directoryFault(config.dataDir, error));
  }
}

/** The key that is opened beside the master key, where one follows the other. */
export function otherKeyOf({ otherMasterKey }: Pick<Config, 'otherMasterKey'>): { readonly otherMasterKey?: Buffer } {
  return otherMasterKey === undefined ? {} : { otherMasterKey: otherMasterKey.reveal() };
}

/** The master key of dev mode: made once, kept beside the data, 32 bytes. The file is there whole or not at all. */
export async function devMasterKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'master.key');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const key = Buffer.from((await readOrMake(file)).trim(), 'base64');
  if (key.length !== 32) throw new Error(`${file} does not hold 32 bytes in base64`);
  return key;
}

/** The master key of dev mode is another one from now on. */
export async function replaceDevMasterKey(dataDir: string, key: Buffer): Promise<void> {
  const file = join(dataDir, 'master.key');
  const aside = `${file}.${process.pid}`;
  await writeFile(aside, `${key.toString('base64')}\n`, { mode: 0o600 });
  await rename(aside, file);
}

async function readOrMake(file: string): Promise<string> {
  const standing = await readIfThere(file);
  if (standing !== undefined) return standing;
  await make(file);
  return readFile(file, 'utf8');
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Written aside and linked into place: a start that is cut off leaves no half a key, and of two starts one key stands. */
async function make(file: string): Promise<void> {
  const aside = `${file}.${process.pid}`;
  await writeFile(aside, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  try {
    await link(aside, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
