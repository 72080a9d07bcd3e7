import { outboundFault } from '../outbound-fault.js';
import type { SmtpSettings } from './settings.js';

/** Where a conversation broke off. */
export type SmtpStage = 'address' | 'connection' | 'session' | 'login' | 'envelope' | 'content';

interface SmtpError {
  readonly code: string;
  /** The code of the network or of TLS below. */
  readonly originalCode: string;
  readonly command: string;
  readonly message: string;
  readonly response: string;
  readonly responseCode: number;
  readonly timeoutType: string;
}

/** What nodemailer attaches to its errors, as far as it is there. */
export function smtpErrorOf(error: unknown): SmtpError {
  const found = (error ?? {}) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => (typeof found[name] === 'string' ? (found[name] as string) : '');
  const responseCode = typeof found.responseCode === 'number' ? found.responseCode : 0;
  const message = error instanceof Error ? error.message : String(error);
  const names = { code: text('code'), originalCode: text('originalCode'), command: text('command') };
  return { ...names, message, response: text('response'), responseCode, timeoutType: text('timeoutType') };
}

/** Why it broke off, in words for whoever set the connector up, without any secret: what to change where that can be told. */
export function describeFault(thrown: unknown, stage: SmtpStage, settings: SmtpSettings, deadline: AbortSignal): string {
  const error = smtpErrorOf(thrown);
  const said = error.response === '' ? '' : ` The server says: ${foreignLine(error.response, settings)}`;
  return `${wordsOf(thrown, error, stage, settings, deadline)}${said}`;
}

function wordsOf(thrown: unknown, error: SmtpError, stage: SmtpStage, settings: SmtpSettings, deadline: AbortSignal): string {
  const place = `${settings.server}:${settings.port}`;
  if (stage === 'address' || stage === 'connection') return `${outboundFault(thrown, place, deadline)}.`;
  if (error.responseCode === 421) return `${place} closes the connection: it is busy, or takes nothing from here.`;
  if (stage === 'session') return sessionWords(error, settings, deadline);
  if (stage === 'login') return loginWords(error, settings);
  if (error.responseCode === 0)
    return `${place} ${isLate(error, deadline) ? 'did not answer in time' : 'cut the connection'}${stage === 'content' ? ' after the mail was handed over' : ''}.`;
  if (error.responseCode === 530 || error.responseCode === 535) return `${place} wants a login first; set username and password.`;
  if (error.command === 'MAIL FROM') return `${place} does not take mails from ${settings.from.address}; change "from" or the rights of the user.`;
  if (error.command === 'RCPT TO') return `${place} does not take mails for this recipient.`;
  return `${place} does not take the mail.`;
}

function isLate({ code }: SmtpError, deadline: AbortSignal): boolean {
  return deadline.aborted || code === 'ETIMEDOUT';
}

/** Greeting, EHLO and TLS: mostly a port that does not fit the kind of TLS. */
function sessionWords(error: SmtpError, settings: SmtpSettings, deadline: AbortSignal): string {
  const { server, port, tls } = settings;
  const place = `${server}:${port}`;
  const isHandshake = tls === 'implicit' || error.code === 'ETLS' || error.originalCode.startsWith('ERR_TLS') || error.timeoutType === 'UPGRADE_TIMEOUT';
  if (/wrong version number|packet length too long|record layer failure/i.test(error.message))
    return `${place} speaks no TLS from the first byte; set tls to "starttls" (usual on ports 587 and 25), or change the port.`;
  if (error.command === 'STARTTLS' && error.responseCode !== 0)
    return `${place} offers no TLS (STARTTLS), and without it nothing is sent; use another port, or set tls to "none" if the network is trusted.`;
  if (isLate(error, deadline) && tls !== 'implicit' && !isHandshake)
    return `${place} sent no greeting in time${port === 465 ? '; port 465 usually speaks TLS from the first byte: set tls to "implicit"' : ''}.`;
  if (isLate(error, deadline))
    return `${place} did not finish the TLS handshake in time${tls === 'implicit' && port !== 465 ? '; ports other than 465 usually want tls "starttls"' : ''}.`;
  if (error.code === 'EPROTOCOL') return `What answers at ${place} is no mail server.`;
  if (error.originalCode !== '' || isHandshake) return `${outboundFault(withCode(error), place, deadline)}.`;
  return `${place} cut the connection${error.responseCode === 0 ? '' : ' during the greeting'}.`;
}

/** With the code of what happened below, which is the one that has words. */
function withCode({ message, code, originalCode }: SmtpError): Error {
  const text = message.replace(/^Error initiating TLS - /, '');
  return Object.assign(new Error(text), { code: originalCode === '' ? code : originalCode });
}

/** Of a login that cannot even be tried. */
export const noPassword = 'no password is set';

function loginWords({ responseCode, code, message }: SmtpError, { server, port, username }: SmtpSettings): string {
  const place = `${server}:${port}`;
  if (message === noPassword) return `A user name is set and no password; set both, or none for a server that wants no login.`;
  if (responseCode === 535) return `${place} does not accept this user name and password.`;
  if (responseCode === 534 || responseCode === 538) return `${place} does not take a login of this kind; it may want an application password.`;
  if (responseCode >= 400 && responseCode < 500) return `${place} cannot check the login at the moment.`;
  if (code === 'EAUTH') return `${place} does not let "${username}" in.`;
  return `${place} cut the connection during the login.`;
}

/** Words of the server for our records: one line, bounded, and never the password it may repeat. */
export function foreignLine(text: string, { username, password }: SmtpSettings): string {
  const secret = password?.reveal() ?? '';
  const forms = secret === '' ? [] : [secret, base64(secret), base64(`\0${username}\0${secret}`)];
  const masked = forms.reduce((line, form) => line.replaceAll(form, '[password]'), text);
  return masked
    .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
    .trim()
    .slice(0, 300);
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
