import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { mustEncrypt, type SmtpSettings } from './settings.js';

/** A conversation with a mail server. Methods reject with nodemailer's error. */
export interface SmtpSession {
  /** Greeting, EHLO, and TLS as the settings want it. */
  begin(): Promise<void>;
  /** The protocol of TLS; undefined on a line in clear. */
  encryption(): string | undefined;
  /** SHA-256 of the server's certificate, in hexadecimal. */
  peer(): string | null;
  /** Whether the server offers a login at all. */
  offersLogin(): boolean;
  login(username: string, password: string): Promise<void>;
  /** Resolves with the server's last word. `onContent` is called when the envelope was taken and the content begins to flow. */
  send(envelope: { readonly from: string; readonly to: string }, message: Buffer, onContent: () => void): Promise<string>;
  /** Says goodbye; nothing depends on the answer. */
  end(): void;
  /** Drops the line. */
  destroy(): void;
}

const mostAnswerBytes = 64 * 1024;

/** A session over a connection that stands. The connection is ours, so that a deadline ends whatever the session is waiting for. */
export function createSession(settings: SmtpSettings, socket: Socket): SmtpSession {
  const { server, port, timeoutMs } = settings;
  const bounds = { connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, maxResponseSize: mostAnswerBytes };
  const line = new SMTPConnection({ host: server, port, connection: socket, socketCloseTimeout: 1_000, ...bounds, ...tlsOptions(settings) });
  let breakOff: (error: Error) => void = () => {};
  // An error outside of a call's own callback: the line is dead, and with it whatever is waited for.
  line.on('error', (error) => breakOff(error));
  line.on('end', () => breakOff(new Error('Connection closed unexpectedly')));

  const awaiting = <T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      breakOff = reject;
      begin(resolve, reject);
    });

  return {
    begin: () => awaiting<void>((resolve, reject) => line.connect((error?: Error | null) => (error ? reject(error) : resolve()))),
    encryption: () => (line._socket instanceof TLSSocket ? (line._socket.getProtocol() ?? undefined) : undefined),
    peer: () => (line._socket instanceof TLSSocket ? fingerprintOf(line._socket) : null),
    offersLogin: () => line.allowsAuth,
    login: (user, pass) => awaiting<void>((resolve, reject) => line.login({ user, pass }, (error) => (error ? reject(error) : resolve()))),
    send: ({ from, to }, message, onContent) =>
      awaiting<string>((resolve, reject) => {
        line.send({ from, to: [to], size: message.length }, contentOf(message, onContent), (error, info) => (error ? reject(error) : resolve(info.response)));
      }),
    end: () => line.quit(),
    destroy: () => {
      line.close();
      socket.destroy();
    },
  };
}

/** Read only once the server has said that it wants the content. */
function contentOf(message: Buffer, onContent: () => void): Readable {
  return new Readable({
    read() {
      onContent();
      this.push(message);
      this.push(null);
    },
  });
}

/** A line that is dead already has no certificate, whatever the types say. */
function fingerprintOf(socket: TLSSocket): string | null {
  const certificate = socket.getPeerCertificate() as { readonly fingerprint256?: string } | null;
  return certificate?.fingerprint256?.replaceAll(':', '').toLowerCase() ?? null;
}

/**
 * A server that is encrypted to only if it likes may also show any certificate: whoever could forge one could as well take the offer away.
 * Wherever a password is sent, the certificate is checked.
 */
function tlsOptions(settings: SmtpSettings): object {
  const { tls, trustedCa } = settings;
  const isLoose = tls === 'starttls-if-offered' && !mustEncrypt(settings);
  const trust = { minVersion: 'TLSv1.2', ...(trustedCa === undefined ? {} : { ca: trustedCa }), ...(isLoose ? { rejectUnauthorized: false } : {}) };
  return { secure: tls === 'implicit', requireTLS: mustEncrypt(settings), ignoreTLS: tls === 'none', opportunisticTLS: isLoose, tls: trust };
}
