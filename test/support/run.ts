import { spawn } from 'node:child_process';

export interface Ran {
  /** null when the program could not be started or was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The command and all it printed, for the messages of assertions. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment of the test. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
}

/** Runs a program to its end without blocking the event loop, on which the tested server may live. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const chunks: { readonly stdout: Buffer[]; readonly stderr: Buffer[] } = { stdout: [], stderr: [] };
  child.stdout.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  // A program that does not read its input closes the pipe early.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const ended = (code: number | null, failure = ''): Ran => {
    const stdout = Buffer.concat(chunks.stdout).toString('utf8');
    const stderr = Buffer.concat(chunks.stderr).toString('utf8') + failure;
    return { code, stdout, stderr, output: `$ ${command} ${args.join(' ')}\n${stdout}${stderr}\ncode ${code}` };
  };
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(ended(null, error.message)));
    child.once('close', (code) => resolve(ended(code)));
  });
}
