import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What OpenSSL says of one message. */
export interface Verdict {
  readonly isAccepted: boolean;
  /** OpenSSL's last reason; empty when it accepts. */
  readonly reason: string;
}

export interface Oracle {
  readonly name: string;
  /** In the order of the questions. */
  verify(message: Buffer): Promise<Verdict>;
  close(): void;
}

/** Whether this machine has what the quick oracle needs. */
export function hasPython(): boolean {
  return spawnSync('python3', ['-c', 'import ctypes']).status === 0;
}

/** One process that holds libcrypto by Python's ctypes: a tenth of a millisecond for a message. */
export async function libcryptoOracle(): Promise<Oracle> {
  const child = spawn('python3', [join(import.meta.dirname, 'cms_oracle.py')]);
  const replies = readReplies(child);
  const first = await replies.next();
  return {
    name: `libcrypto by ctypes, ${first.reason}`,
    verify(message) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(message.length);
      child.stdin.write(Buffer.concat([head, message]));
      return replies.next();
    },
    close: () => child.stdin.end(),
  };
}

interface Waiting {
  readonly resolve: (verdict: Verdict) => void;
  readonly reject: (error: Error) => void;
}

function readReplies(child: ChildProcessWithoutNullStreams): { next(): Promise<Verdict> } {
  const waiting: Waiting[] = [];
  const early: Verdict[] = [];
  let received: Buffer = Buffer.alloc(0);
  let ended: Error | undefined;
  child.stdout.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 3 && received.length >= 3 + received.readUInt16BE(1)) {
      const end = 3 + received.readUInt16BE(1);
      const verdict = { isAccepted: received[0] === 1, reason: received.toString('latin1', 3, end) };
      received = received.subarray(end);
      const next = waiting.shift();
      if (next === undefined) early.push(verdict);
      else next.resolve(verdict);
    }
  });
  const end = (what: string) => {
    ended = new Error(`The oracle ended: ${what}`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.on('error', (error) => end(error.message));
  child.on('exit', (code, signal) => end(`${signal ?? code}`));
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const ready = early.shift();
        if (ready !== undefined) resolve(ready);
        else if (ended !== undefined) reject(ended);
        else waiting.push({ resolve, reject });
      }),
  };
}

/** One `openssl cms -verify` for each message: the reference, several milliseconds each. */
export function commandOracle(): Oracle {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-differential-'));
  const file = join(folder, 'message.der');
  return {
    name: 'openssl cms -verify -noverify',
    async verify(message) {
      writeFileSync(file, message);
      const ran = spawnSync('openssl', ['cms', '-verify', '-noverify', '-binary', '-inform', 'DER', '-in', file, '-out', '/dev/null'], { encoding: 'utf8' });
      return { isAccepted: ran.status === 0, reason: ran.status === 0 ? '' : (ran.stderr.split('\n').at(-2) ?? '') };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
