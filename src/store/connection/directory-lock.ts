import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../runtime/result.js';

/** Who holds a directory. `startedAt`: the kernel's start time of the process, since pids are used again; null where it cannot be read. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly startedAt: string | null;
}

export interface DirectoryLock {
  readonly file: string;
  release(): void;
}

export interface Locked {
  readonly file: string;
  readonly holder: string;
}

const settleMs = 100;
/** Directories this process holds: its own pid in a lock file proves nothing against a second opener in the same process. */
const heldHere = new Set<string>();

/**
 * Takes `<directory>.lock`, beside the directory. A lock left behind is taken over only when its process is gone: never by its
 * age, and never when it was written on another host, where we cannot look.
 */
export async function lockDirectory(directory: string): Promise<Result<DirectoryLock, Locked>> {
  const file = `${directory.replace(/\/+$/, '')}.lock`;
  if (heldHere.has(file)) return fail({ file, holder: 'this process' });
  heldHere.add(file);
  const taken = createLock(file) || (await takeOver(file));
  if (taken) return ok({ file, release: () => release(file) });
  heldHere.delete(file);
  return fail({ file, holder: describe(readHolder(file)) });
}

function createLock(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(ourselves()), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Two processes may find the same dead lock. Each moves away what it found and looks at it again; and each waits a moment before
 * it trusts the lock it made, so that a slower one that moved that away is noticed.
 */
async function takeOver(file: string): Promise<boolean> {
  const found = readText(file);
  if (found !== undefined && !isGone(parseHolder(found))) return false;
  if (found !== undefined && !moveAway(file, found)) return false;
  if (!createLock(file)) return false;
  await delay(settleMs);
  return readText(file) === JSON.stringify(ourselves());
}

function moveAway(file: string, expected: string): boolean {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return false;
  }
  if (readText(aside) === expected) {
    rmSync(aside);
    return true;
  }
  renameSync(aside, file);
  return false;
}

function release(file: string): void {
  if (readText(file) === JSON.stringify(ourselves())) rmSync(file, { force: true });
  heldHere.delete(file);
}

function ourselves(): Holder {
  return { pid: process.pid, host: hostname(), startedAt: startOf(process.pid) ?? null };
}

/** A lock that cannot be read names nobody we could look for, so it stays; the fault tells the operator which file it is. */
function isGone(holder: Holder | undefined): boolean {
  if (holder === undefined || holder.host !== hostname()) return false;
  if (holder.startedAt !== null) return startOf(holder.pid) !== holder.startedAt;
  return !isRunning(holder.pid);
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may contain anything, so count from its closing bracket. */
function startOf(pid: number): string | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readHolder(file: string): Holder | undefined {
  return parseHolder(readText(file) ?? '');
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, startedAt } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host, startedAt: startedAt ?? null } : undefined;
  } catch {
    return undefined;
  }
}

function describe(holder: Holder | undefined): string {
  return holder === undefined ? 'an unknown process' : `process ${holder.pid} on ${holder.host}`;
}
