import type { Secret } from '../../runtime/secret.js';
import type { SmtpConfig } from '../../tenancy/connector.js';

export type SmtpTls = NonNullable<SmtpConfig['tls']>;

/** A mail server as configured, with what was left out filled in. */
export interface SmtpSettings {
  readonly server: string;
  readonly port: number;
  readonly tls: SmtpTls;
  readonly username: string;
  readonly password: Secret | undefined;
  readonly from: { readonly name: string; readonly address: string };
  readonly replyTo: string | undefined;
  readonly trustedCa: string | undefined;
  readonly timeoutMs: number;
}

export function smtpSettings(config: SmtpConfig, password: Secret | undefined): SmtpSettings {
  const { server, port, username, replyTo, trustedCa, timeoutMs } = config;
  const tls = config.tls ?? (port === 465 ? 'implicit' : 'starttls');
  return { server, port, tls, username, password, from: senderOf(config), replyTo, trustedCa, timeoutMs };
}

/** `ops@example.org` or `Gatehouse <ops@example.org>`; without one, the user name has to be an address. */
function senderOf({ from = '', username }: SmtpConfig): SmtpSettings['from'] {
  const named = /^(.*)<([^<>]+)>$/.exec(from);
  if (named !== null) return { name: (named[1] as string).trim(), address: (named[2] as string).trim() };
  return { name: 'Gatehouse', address: from === '' ? username : from };
}

/** The password may go over this line only. */
export function mustEncrypt({ tls, username }: SmtpSettings): boolean {
  return tls === 'starttls' || (tls === 'starttls-if-offered' && username !== '');
}
