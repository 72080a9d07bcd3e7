import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createDatabase, type TestDatabase } from './database.js';
import { program } from './program.js';

/** What the first start writes for the operator. */
export interface FirstRun {
  readonly admin: { readonly url: string; readonly username: string; readonly password: string; readonly token: string };
  readonly ca: { readonly subject: string; readonly sha256: string; readonly file: string };
  readonly scep: { readonly url: string; readonly challenge: string };
  readonly cmp: {
    readonly url: string;
    readonly server: string;
    readonly path: string;
    readonly reference: string;
    readonly secret: string;
    readonly recipient: string;
  };
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A server process, whether or not it ever becomes ready. */
export interface ServerProcess {
  readonly pid: number;
  readonly dataDir: string;
  readonly deviceUrl: string;
  readonly adminUrl: string;
  /** All it printed so far. */
  output(): string;
  readonly exited: Promise<Exit>;
  /** Asks it to stop and waits for the end; kills it when it does not obey in time. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

export interface RunningServer extends ServerProcess {
  readonly firstRun: FirstRun;
  /** The admin API with the token of the first run; `path` begins with `/api/v1`. */
  api(path: string, init?: RequestInit): Promise<Response>;
  /** Stops it and removes its data folder and database. */
  dispose(): Promise<void>;
}

export interface ServerOptions {
  /** An existing folder to be kept; by default a fresh one. */
  readonly dataDir?: string;
  /** Settings on top of folder and ports. */
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const startLimitMs = 300_000;
const stopLimitMs = 20_000;

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/** Nothing of the developer's own settings may leak into the tested server. */
function environment(settings: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_OPTIONS'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...settings };
}

/** Runs one command of the program (`serve`, `doctor`, ...). */
export async function spawnServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  const [device, admin] = [await freePort(), await freePort()];
  const env = environment({
    GATEHOUSE_DATA_DIR: dataDir,
    GATEHOUSE_LISTEN: `127.0.0.1:${device}`,
    GATEHOUSE_ADMIN_LISTEN: `127.0.0.1:${admin}`,
    ...options.env,
  });
  const args = [...program, ...(options.args ?? ['serve'])];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const address = (name: string): string => `http://${env[name]}`;
  return processOf(child, { dataDir, deviceUrl: address('GATEHOUSE_LISTEN'), adminUrl: address('GATEHOUSE_ADMIN_LISTEN') });
}

function processOf(child: ChildProcess, place: { readonly dataDir: string; readonly deviceUrl: string; readonly adminUrl: string }): ServerProcess {
  const printed: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => printed.push(chunk));
  const killWithTest = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithTest);
  const exited = new Promise<Exit>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  void exited.then(() => process.off('exit', killWithTest));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    const exit = await exited;
    clearTimeout(timer);
    return exit;
  };
  return { ...place, pid: child.pid ?? 0, exited, stop, output: () => Buffer.concat(printed).toString('utf8') };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}

/** Waits until both listeners answer ready; throws with all the process printed when it ends or takes too long. */
async function untilReady(server: ServerProcess): Promise<void> {
  let hasExited = false;
  void server.exited.then(() => {
    hasExited = true;
  });
  const deadline = Date.now() + startLimitMs;
  while (!((await isReady(server.deviceUrl)) && (await isReady(server.adminUrl)))) {
    if (hasExited || Date.now() > deadline) {
      await server.stop('SIGKILL');
      throw new Error(`the server did not become ready:\n${server.output()}`);
    }
    await sleep(50);
  }
}

/**
 * Starts a server in dev mode and waits until it is ready. On the embedded database, or, with TEST_DATABASE_URL, in a
 * PostgreSQL database of its own.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const database: TestDatabase | undefined = options.env?.GATEHOUSE_DATABASE_URL === undefined ? await createDatabase() : undefined;
  const env = { ...(database === undefined ? {} : { GATEHOUSE_DATABASE_URL: database.url }), ...options.env };
  const server = await spawnServer({ ...options, env });
  await untilReady(server);
  const firstRun = JSON.parse(readFileSync(join(server.dataDir, 'first-run.json'), 'utf8')) as FirstRun;
  // A connection of its own for each call: one that was kept is closed by the server where the machine stood still for long, just when it is used again.
  const api = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${server.adminUrl}${path}`, { ...init, headers: { authorization: `Bearer ${firstRun.admin.token}`, connection: 'close', ...init.headers } });
  const dispose = async (): Promise<void> => {
    await server.stop();
    await database?.drop();
    if (options.dataDir === undefined) rmSync(server.dataDir, { recursive: true, force: true });
  };
  return { ...server, firstRun, api, dispose };
}
