/**
 * PostgreSQL as it is run where it must not fail: three servers under Patroni, one of them the leader, one its synchronous standby; etcd, which
 * knows who leads; HAProxy, which leads clients there. All on the loopback address, from Debian's packages, under a temporary directory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../bench/children.js';
import { postgresBin } from '../bench/machine.js';
import { haproxyFile, patroniFile } from './configuration.js';

export const packages = ['postgresql', 'patroni', 'python3-etcd', 'etcd-server', 'haproxy'] as const;
const programs = { etcd: '/usr/bin/etcd', patroni: '/usr/bin/patroni', haproxy: '/usr/sbin/haproxy' } as const;

export interface Member {
  readonly name: string;
  readonly port: number;
  /** Of Patroni's own API. */
  readonly apiPort: number;
  readonly directory: string;
}

/** Of one server, as Patroni tells it. */
export interface Standing {
  readonly name: string;
  readonly role: 'leader' | 'replica' | 'sync_standby';
  readonly state: string;
  readonly timeline: number | undefined;
}

export interface HighAvailability {
  /** Leads to whoever is the leader. */
  readonly url: string;
  standing(): Promise<readonly Standing[]>;
  /** Waits for a leader, a synchronous standby and a third server that streams; throws when that takes very long. */
  untilWhole(): Promise<void>;
  /** kill -9 of the leader's Patroni and PostgreSQL, as when its machine loses power. Gives its name. */
  killLeader(): Promise<string>;
  /** Starts a server that was killed; it finds its way back by itself. */
  revive(name: string): void;
  /** Hands the lead to the synchronous standby, as for maintenance. Gives the new leader's name. */
  switchOver(): Promise<string>;
  /** Holds what receives changes at the standbys (SIGSTOP); the function returned ends it (kill -9), and what had come meanwhile is gone. */
  holdStandbys(): Promise<() => void>;
  remove(): Promise<void>;
}

export interface Settings {
  /** Off: the leader answers before a standby has what it wrote, which loses what was answered. */
  readonly isSynchronous: boolean;
}

/** What is missing here; empty when it can run. */
export function missingPackages(): readonly string[] {
  const missing: string[] = [];
  if (postgresBin() === '') missing.push('postgresql');
  if (!existsSync(programs.patroni)) missing.push('patroni', 'python3-etcd');
  if (!existsSync(programs.etcd)) missing.push('etcd-server');
  if (!existsSync(programs.haproxy)) missing.push('haproxy');
  return missing;
}

const patienceMs = 240_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** PostgreSQL refuses to run as root: then all of it runs as the user `postgres`. */
function asDatabaseUser(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  const isRoot = process.getuid?.() === 0;
  return isRoot ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args]] : [program, args];
}

export async function startHighAvailability({ isSynchronous }: Settings): Promise<HighAvailability> {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-ha-'));
  chmodSync(directory, 0o777);
  const running = new Map<string, ChildProcess>();
  const run = (name: string, program: string, args: readonly string[]): void => {
    const [command, all] = asDatabaseUser(program, args);
    const child = spawn(command, all, { cwd: directory, stdio: ['ignore', 'ignore', 'ignore'], env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } });
    running.set(name, child);
  };
  const endAll = (): void => {
    for (const { directory: data } of members) killPostmaster(data);
    for (const child of running.values()) child.kill('SIGKILL');
    for (const { directory: data } of members) killPostmaster(data);
  };
  const names = ['one', 'two', 'three'];
  const members: readonly Member[] = await Promise.all(
    names.map(async (name) => ({ name, port: await freePort(), apiPort: await freePort(), directory: join(directory, name) })),
  );
  process.once('exit', endAll);
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const own = (path: string): string => {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    return path;
  };
  run('etcd', programs.etcd, [
    ...['--data-dir', join(own(join(directory, 'etcd')), 'data'), '--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`],
    ...['--initial-cluster', `default=http://127.0.0.1:${peerPort}`, '--log-level', 'error'],
  ]);
  const startMember = (member: Member): void => run(member.name, programs.patroni, [join(directory, `${member.name}.yml`)]);
  for (const member of members) {
    own(member.directory);
    writeFileSync(join(directory, `${member.name}.yml`), patroniFile({ member, etcdPort, bin: postgresBin(), isSynchronous }));
    startMember(member);
  }
  writeFileSync(join(directory, 'haproxy.cfg'), haproxyFile(port, members));
  run('haproxy', programs.haproxy, ['-db', '-f', join(directory, 'haproxy.cfg')]);

  const standing = async (): Promise<readonly Standing[]> => {
    for (const { apiPort } of members) {
      const found = await clusterBy(apiPort);
      if (found !== undefined) return found;
    }
    return [];
  };
  const until = async (what: string, holds: (all: readonly Standing[]) => boolean): Promise<void> => {
    const begun = performance.now();
    for (;;) {
      const all = await standing();
      if (holds(all)) return;
      if (performance.now() - begun > patienceMs) throw new Error(`PostgreSQL was not ${what} within ${patienceMs / 1000} s: ${JSON.stringify(all)}`);
      await pause(200);
    }
  };
  const memberNamed = (name: string): Member => members.find((member) => member.name === name) as Member;
  const leaderOf = (all: readonly Standing[]): string | undefined => all.find(({ role }) => role === 'leader')?.name;
  const untilWhole = (): Promise<void> => until('whole', (all) => isWhole(all, isSynchronous));
  await untilWhole();

  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    standing,
    untilWhole,
    async killLeader() {
      const name = leaderOf(await standing()) ?? '';
      running.get(name)?.kill('SIGKILL');
      killPostmaster(memberNamed(name).directory);
      return name;
    },
    revive: (name) => startMember(memberNamed(name)),
    async switchOver() {
      const all = await standing();
      const [leader, candidate] = [leaderOf(all), all.find(({ role }) => role === 'sync_standby')?.name];
      const body = JSON.stringify({ leader, candidate });
      const answer = await fetch(`http://127.0.0.1:${memberNamed(leader ?? '').apiPort}/switchover`, { method: 'POST', body });
      if (answer.status !== 200) throw new Error(`The switchover was refused: ${answer.status} ${await answer.text()}`);
      return candidate ?? '';
    },
    async holdStandbys() {
      const leader = leaderOf(await standing());
      const held = members.filter(({ name }) => name !== leader).flatMap((member) => receiversOf(member.directory));
      for (const pid of held) process.kill(pid, 'SIGSTOP');
      return () => {
        for (const pid of held) signal(pid, 'SIGKILL');
      };
    },
    async remove() {
      process.removeListener('exit', endAll);
      const ended = [...running.values()].map(
        (child) => new Promise<void>((resolve) => ((child.exitCode ?? child.signalCode) === null ? child.once('exit', () => resolve()) : resolve())),
      );
      endAll();
      await Promise.all(ended);
      await pause(500);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function clusterBy(apiPort: number): Promise<readonly Standing[] | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${apiPort}/cluster`, { signal: AbortSignal.timeout(2_000) });
    return ((await answer.json()) as { members: readonly Standing[] }).members;
  } catch {
    return undefined;
  }
}

/** All three there, on one timeline, and where it is synchronous one that every commit waits for. */
function isWhole(all: readonly Standing[], isSynchronous: boolean): boolean {
  const isUp = ({ state }: Standing) => state === 'running' || state === 'streaming';
  const isOneTimeline = new Set(all.map(({ timeline }) => timeline)).size === 1;
  return (
    all.length === 3 &&
    all.every(isUp) &&
    isOneTimeline &&
    all.some(({ role }) => role === 'leader') &&
    (!isSynchronous || all.some(({ role }) => role === 'sync_standby'))
  );
}

function postmasterOf(directory: string): number | undefined {
  try {
    return Number(readFileSync(join(directory, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** The postmaster first, so that it restarts nobody; the others end when they miss it, or are ended here. */
function killPostmaster(directory: string): void {
  const pid = postmasterOf(directory);
  if (pid === undefined) return;
  const children = childrenOf(pid);
  signal(pid, 'SIGKILL');
  for (const child of children) signal(child, 'SIGKILL');
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function receiversOf(directory: string): readonly number[] {
  const pid = postmasterOf(directory);
  return pid === undefined ? [] : childrenOf(pid).filter((child) => readFileSync(`/proc/${child}/cmdline`, 'latin1').includes('walreceiver'));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended already.
  }
}
