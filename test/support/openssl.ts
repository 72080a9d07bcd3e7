import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { client } from './clients.js';
import { type Ran, run } from './run.js';

/** Key types by the options of `openssl genpkey`. */
export const keyOptions = {
  'RSA-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'RSA-1024': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'P-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  'P-521': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  Ed25519: ['-algorithm', 'ED25519'],
} as const;
export type KeyType = keyof typeof keyOptions;

/** A folder for one device's files, and OpenSSL run in it. */
export interface Bench {
  readonly dir: string;
  file(name: string): string;
  read(name: string): string;
  write(name: string, content: string | Buffer): string;
  openssl(...args: readonly string[]): Promise<Ran>;
  /** Makes a private key in `name`. */
  key(name: string, type?: KeyType): Promise<string>;
  /** Makes a PKCS#10 request in `name`, signed with `key`. */
  csr(name: string, key: string, subject: string, ...options: readonly string[]): Promise<string>;
  remove(): void;
}

function must(ran: Ran): void {
  if (ran.code !== 0) throw new Error(ran.output);
}

export function openBench(): Bench {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-device-'));
  const file = (name: string): string => join(dir, name);
  const openssl = (...args: readonly string[]): Promise<Ran> => run(client('openssl'), args, { cwd: dir });
  return {
    dir,
    file,
    openssl,
    read: (name) => readFileSync(file(name), 'utf8'),
    write: (name, content) => {
      writeFileSync(file(name), content);
      return name;
    },
    key: async (name, type = 'P-256') => {
      must(await openssl('genpkey', ...keyOptions[type], '-out', name));
      return name;
    },
    csr: async (name, key, subject, ...options) => {
      must(await openssl('req', '-new', '-key', key, '-subj', subject, '-out', name, ...options));
      return name;
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
