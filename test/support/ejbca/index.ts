import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Rule, Settings } from './state.js';

type ClientName = 'good' | 'unknown' | 'expired';

/** What the control port tells of a certificate. */
export interface IssuedByFake {
  readonly username: string;
  /** base64 */
  readonly der: string;
  readonly serial: string;
  readonly caName: string;
  readonly endEntityProfile: string;
  readonly certificateProfile: string;
  readonly subject: string;
  /** SHA-256 of the SubjectPublicKeyInfo that was asked for. */
  readonly keyHash: string;
  readonly revokedAt?: number;
  readonly reason?: number;
}

export interface FakeEjbca {
  readonly url: string;
  /** Asks for no client certificate. */
  readonly openUrl: string;
  readonly trustedCa: string;
  readonly rootCa: string;
  readonly issuingCa: string;
  /** base64, by kind of client certificate. */
  readonly pfx: Readonly<Record<ClientName, string>>;
  readonly pfxPassword: string;
  readonly identity: Readonly<Record<ClientName, { readonly key: string; readonly cert: string }>>;
  /** The next calls of a kind go so. */
  rules(...rules: readonly Rule[]): Promise<void>;
  set(settings: Partial<Settings>): Promise<void>;
  reset(): Promise<void>;
  /** A certificate that somebody else had issued. */
  seed(fields: { readonly username: string; readonly subject: string; readonly publicKey: Buffer; readonly subjectAltName?: string }): Promise<Buffer>;
  issued(): Promise<readonly IssuedByFake[]>;
  calls(): Promise<Readonly<Record<string, number>>>;
  stop(): void;
}

/** Starts the fake in a process of its own; it ends with the test. */
export async function startFakeEjbca(): Promise<FakeEjbca> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main], { stdio: ['pipe', 'pipe', 'inherit'] });
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  const line = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`the fake EJBCA ended with ${code}`)));
  });
  const { controlUrl, ...told } = JSON.parse(line) as Pick<
    FakeEjbca,
    'url' | 'openUrl' | 'trustedCa' | 'rootCa' | 'issuingCa' | 'pfx' | 'pfxPassword' | 'identity'
  > & {
    readonly controlUrl: string;
  };
  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${controlUrl}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    return (await answer.json()) as T;
  }
  return {
    ...told,
    rules: (...rules) => ask('POST', '/rules', rules),
    set: (settings) => ask('POST', '/settings', settings),
    reset: () => ask('POST', '/reset'),
    async seed({ publicKey, ...fields }) {
      const { der } = await ask<IssuedByFake>('POST', '/issued', { ...fields, publicKey: publicKey.toString('base64') });
      return Buffer.from(der, 'base64');
    },
    issued: () => ask('GET', '/issued'),
    calls: () => ask('GET', '/calls'),
    stop() {
      process.off('exit', stop);
      child.stdin.end();
      stop();
    },
  };
}
