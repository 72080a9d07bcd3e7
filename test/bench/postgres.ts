/** A PostgreSQL of one's own under a temporary directory, durable as in production. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './children.js';
import { postgresBin } from './machine.js';

export interface Cluster {
  readonly url: string;
  /** The same server through its Unix socket, which costs both sides less than TCP: for servers on the database's own machine. */
  readonly socketUrl: string;
  /** Process id of the postmaster. */
  pid(): number;
  start(): void;
  /** `immediate` is as if the machine had lost power, as far as PostgreSQL is concerned. */
  stop(mode: 'fast' | 'immediate'): void;
  /** Stops it and removes its files. */
  remove(): void;
}

/** PostgreSQL refuses to run as root: then its programs are run as the user `postgres`. */
function runAsDatabaseUser(program: string, args: readonly string[]): string {
  const isRoot = process.getuid?.() === 0;
  const command = isRoot ? ['runuser', '-u', 'postgres', '--', program, ...args] : [program, ...args];
  return execFileSync(command[0] as string, command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
}

/** Makes and starts a cluster with synchronous commits, which the end of this process takes along; undefined where PostgreSQL is not installed. */
export async function createCluster(): Promise<Cluster | undefined> {
  const bin = postgresBin();
  if (bin === '') return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-pg-'));
  chmodSync(directory, 0o777);
  const data = join(directory, 'data');
  const port = await freePort();
  runAsDatabaseUser(`${bin}/initdb`, ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale']);
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${directory} -c synchronous_commit=on -c fsync=on -c shared_buffers=128MB`;
  const control = (...args: readonly string[]) => runAsDatabaseUser(`${bin}/pg_ctl`, ['-D', data, '-w', ...args]);
  const start = () => void control('-l', join(directory, 'log'), '-o', options, 'start');
  const stop = (mode: 'fast' | 'immediate') => void control('-m', mode, 'stop');
  const remove = () => {
    process.removeListener('exit', remove);
    stop('immediate');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', remove);
  start();
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    socketUrl: `postgres://postgres@${encodeURIComponent(directory)}:${port}/postgres`,
    pid: () => Number(runAsDatabaseUser('/usr/bin/head', ['-n', '1', join(data, 'postmaster.pid')])),
    start,
    stop,
    remove,
  };
}
