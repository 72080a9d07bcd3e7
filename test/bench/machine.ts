/** What a figure was measured on, and what processes cost. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** The first line a program prints about its version; `not installed` when it cannot be run. */
function versionOf(program: string, ...args: readonly string[]): string {
  try {
    return (execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0] ?? '').trim();
  } catch {
    return 'not installed';
  }
}

/** Debian's PostgreSQL programs, newest version; empty when there are none. */
export function postgresBin(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((left, right) => Number(right) - Number(left)) : [];
  return versions[0] === undefined ? '' : `${root}/${versions[0]}/bin`;
}

export function describeMachine(): Readonly<Record<string, string>> {
  const cores = cpus();
  return {
    processor: `${cores.length} x ${cores[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    load: loadavg()
      .map((value) => value.toFixed(2))
      .join(' '),
    node: `${process.version} with OpenSSL ${process.versions.openssl}`,
    openssl: versionOf('openssl', 'version'),
    postgres: postgresBin() === '' ? 'not installed' : versionOf(`${postgresBin()}/postgres`, '--version'),
    scepserver: versionOf('dpkg-query', '-W', '-f', `\${Version}`, 'scep'),
  };
}

interface ProcessFacts {
  readonly parent: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

function readProcess(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Its own time and that of the children it has waited for.
    const ticks = fields
      .slice(11, 15)
      .map(Number)
      .reduce((sum, value) => sum + value, 0);
    return { parent: Number(fields[1]), cpuMs: ticks * 10, rssMb: (Number(fields[21]) * 4096) / 1e6 };
  } catch {
    return undefined;
  }
}

/** A process and all that descend from it, as far as they still run. Linux only: an empty list elsewhere. */
export function processTree(root: number): readonly number[] {
  if (!existsSync('/proc/self/stat')) return [];
  const all = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0);
  const parents = new Map(all.map((pid) => [pid, readProcess(pid)?.parent]));
  const tree = [root];
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child);
  return tree;
}

/** Processor time a tree has used so far, in milliseconds, with that of processes that have ended. */
export function cpuOf(root: number): number {
  return processTree(root).reduce((sum, pid) => sum + (readProcess(pid)?.cpuMs ?? 0), 0);
}

/** Resident memory of each process of a tree, in MB, largest first. */
export function memoryOf(root: number): readonly number[] {
  return processTree(root)
    .map((pid) => readProcess(pid)?.rssMb ?? 0)
    .sort((left, right) => right - left);
}

/** Processor time the whole machine was busy since it started, in milliseconds, all cores added. */
export function busyMs(): number {
  if (!existsSync('/proc/stat')) return 0;
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1).map(Number);
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return (fields.slice(0, 8).reduce((sum, value) => sum + value, 0) - idle) * 10;
}
