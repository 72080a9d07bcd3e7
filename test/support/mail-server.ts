import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface MailServerSetup {
  /** `silent` and `stranger` take connections and are no mail servers. */
  readonly kind?: 'smtp' | 'silent' | 'stranger';
  readonly tls?: 'implicit' | 'starttls';
  /** Paths of PEM files. */
  readonly certificate?: { readonly key: string; readonly cert: string };
  readonly login?: { readonly username: string; readonly password: string };
  readonly port?: number;
}

export type MailServerCommand = { readonly kind: 'list' | 'down' | 'up' };

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, without the dots of the transport. */
  readonly raw: string;
  readonly isSecure: boolean;
  readonly user: string;
}

export interface MailServer {
  readonly port: number;
  /** What it took so far. */
  received(): Promise<readonly ReceivedMail[]>;
  /** Resolves once it has taken so many mails. */
  took(count: number): Promise<void>;
  /** Greets with 421 from now on, or no longer. */
  command(kind: 'down' | 'up'): void;
  stop(): Promise<void>;
}

type Word =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'received'; readonly count: number }
  | { readonly kind: 'list'; readonly received: readonly ReceivedMail[] };

/** A real mail server (the package smtp-server) in a process of its own, on 127.0.0.1. */
export async function startMailServer(setup: MailServerSetup = {}): Promise<MailServer> {
  const program = fileURLToPath(new URL('./mail-server-process.ts', import.meta.url));
  const child = fork(program, [JSON.stringify(setup)], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const { port } = await next(child, 'listening');
  const received = async () => {
    child.send({ kind: 'list' } satisfies MailServerCommand);
    return (await next(child, 'list')).received;
  };
  return {
    port,
    received,
    async took(count) {
      while ((await received()).length < count) await next(child, 'received');
    },
    command: (kind) => void child.send({ kind } satisfies MailServerCommand),
    async stop() {
      const ended = once(child, 'exit');
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function next<K extends Word['kind']>(child: ChildProcess, kind: K): Promise<Extract<Word, { kind: K }>> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('The mail server of the test is gone.'));
    const onMessage = (word: unknown) => {
      if ((word as Word).kind !== kind) return;
      child.removeListener('message', onMessage);
      child.removeListener('exit', onExit);
      resolve(word as Extract<Word, { kind: K }>);
    };
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}
