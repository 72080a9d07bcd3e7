/** Server processes under measurement: started, watched until ready, ended by their own id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address.port;
}

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Child {
  readonly pid: number;
  /** Everything it printed. */
  output(): string;
  hasExited(): boolean;
  /** Sends the signal and waits for the end; SIGKILL after ten seconds. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a program with exactly this environment added. The end of this process takes it along. */
export function startChild(program: string, args: readonly string[], environment: Readonly<Record<string, string>>, directory: string): Child {
  const child: ChildProcess = spawn(program, [...args], { cwd: directory, env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  child.stdout?.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr?.on('data', (chunk) => printed.push(String(chunk)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()));
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  void ended.then(() => process.removeListener('exit', onExit));
  return {
    pid: child.pid ?? -1,
    output: () => printed.join(''),
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    end: async (signal) => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Asks `url` until it answers 200; throws with the child's output when it ends or `limitMs` is over. */
export async function waitUntilReady(url: string, child: Child, limitMs = 60_000): Promise<void> {
  const limit = performance.now() + limitMs;
  while (performance.now() < limit) {
    if (child.hasExited()) throw new Error(`The server ended before it was ready:\n${child.output()}`);
    const isReady = await fetch(url).then(
      (answer) => answer.status === 200,
      () => false,
    );
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${url} was not ready in time:\n${child.output()}`);
}
