import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { RoleSettings } from './engine.js';

export interface VaultSetup {
  readonly mount?: string;
  readonly namespace?: string;
  readonly authPath?: string;
  readonly tokenSeconds?: number;
  readonly isRenewable?: boolean;
  /** Beginnings of paths in the mount that the policy leaves out. */
  readonly denied?: readonly string[];
  readonly roles?: Readonly<Record<string, RoleSettings>>;
}

export interface ScriptedFault {
  /** A pattern of `POST pki/sign/device`. */
  readonly call: string;
  readonly times?: number;
  /** Carried out, and then no answer, or a connection that is cut. */
  readonly kind?: 'silence' | 'cut';
  /** Not carried out: this answer instead. */
  readonly status?: number;
  readonly body?: string;
}

export interface VaultState {
  readonly logins: number;
  readonly renewals: number;
  /** Certificates that were signed, whoever heard of them. */
  readonly issued: number;
  /** Since they were last asked for. */
  readonly calls: readonly string[];
}

export interface VaultCommand {
  readonly id: number;
  readonly setup?: Required<VaultSetup>;
  readonly faults?: readonly ScriptedFault[];
  readonly sealed?: boolean;
  readonly forgetTokens?: boolean;
}

export type VaultWord =
  | { readonly kind: 'listening'; readonly origin: string; readonly trustedCa: string; readonly roleId: string; readonly secretId: string }
  | { readonly kind: 'state'; readonly id: number; readonly state: VaultState };

export interface TestVault {
  /** `https://127.0.0.1:<port>`. */
  readonly origin: string;
  /** `<origin>/v1/<mount>`. */
  readonly url: string;
  /** PEM. */
  readonly trustedCa: string;
  readonly roleId: string;
  readonly secretId: string;
  /** Scripts what comes, and tells what was. */
  command(command?: Omit<VaultCommand, 'id' | 'setup'>): Promise<VaultState>;
  /** The same process with another setup and new CAs, and nothing of before; role id and secret id stay. */
  anew(setup?: VaultSetup): Promise<TestVault>;
  stop(): Promise<void>;
}

/** Roles as installations have them: anything goes, a written organisation, a narrow one, one that keeps nothing. */
export const testRoles: Readonly<Record<string, RoleSettings>> = {
  device: {},
  acme: { organization: ['Acme'] },
  narrow: { allowed_domains: ['example'], key_type: 'rsa', max_ttl: 3_600 },
  fleeting: { no_store: true },
};

const whole = (setup: VaultSetup): Required<VaultSetup> => {
  return { mount: 'pki', namespace: '', authPath: 'approle', tokenSeconds: 3_600, isRenewable: true, denied: [], roles: testRoles, ...setup };
};

/** A server with the PKI secrets engine and the AppRole method of OpenBao, in a process of its own, over TLS, on 127.0.0.1. */
export async function startVault(setup: VaultSetup = {}): Promise<TestVault> {
  const program = fileURLToPath(new URL('./main.ts', import.meta.url));
  const child = fork(program, [JSON.stringify(whole(setup))], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const { kind: _kind, ...started } = await heard(child, (word) => (word.kind === 'listening' ? word : undefined));
  let asked = 0;
  const ask = async (command: Omit<VaultCommand, 'id'>): Promise<VaultState> => {
    asked += 1;
    const id = asked;
    child.send({ id, ...command } satisfies VaultCommand);
    return heard(child, (word) => (word.kind === 'state' && word.id === id ? word.state : undefined));
  };
  const vaultOf = ({ mount }: Required<VaultSetup>): TestVault => ({
    ...started,
    url: `${started.origin}/v1/${mount}`,
    command: (command = {}) => ask(command),
    async anew(other = {}) {
      await ask({ setup: whole(other) });
      return vaultOf(whole(other));
    },
    async stop() {
      const ended = once(child, 'exit');
      if (child.connected) child.disconnect();
      await ended;
    },
  });
  return vaultOf(whole(setup));
}

function heard<T>(child: ChildProcess, pick: (word: VaultWord) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const listen = (word: VaultWord) => {
      const picked = pick(word);
      if (picked === undefined) return;
      child.off('message', listen);
      child.off('exit', gone);
      resolve(picked);
    };
    const gone = () => reject(new Error('The test server ended.'));
    child.on('message', listen);
    child.once('exit', gone);
  });
}
