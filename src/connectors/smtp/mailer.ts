import type { Mailer, MailMessage, SendOutcome } from '../../notification/ports.js';
import type { AddressGuard } from '../address-guard.js';
import { noteExchange } from '../exchanges.js';
import { findAddresses, openSocket } from '../open-socket.js';
import { runSteps, type Step } from '../test-steps.js';
import { describeFault, foreignLine, noPassword, type SmtpStage, smtpErrorOf } from './faults.js';
import { messageOctets } from './message.js';
import { createSession, type SmtpSession } from './session.js';
import type { SmtpSettings } from './settings.js';

/**
 * A mail server over SMTP (RFC 5321). One connection per mail: mails to operators are few, and a connection that is not kept cannot
 * have gone stale. A conversation as a whole has `timeoutMs`.
 */
export function createSmtpMailer(settings: SmtpSettings, guard: AddressGuard): Mailer {
  return {
    send: (message) => converse(settings, guard, (line) => handOver(line, message)),
    verify: (whole) => verify(settings, guard, whole),
  };
}

/** One conversation: how far it came, and what ends it in time. */
interface Line {
  readonly settings: SmtpSettings;
  readonly guard: AddressGuard;
  readonly deadline: AbortSignal;
  stage: SmtpStage;
  session?: SmtpSession;
}

async function converse(settings: SmtpSettings, guard: AddressGuard, work: (line: Line) => Promise<string>): Promise<SendOutcome> {
  const line: Line = { settings, guard, deadline: AbortSignal.timeout(settings.timeoutMs), stage: 'address' };
  const begun = performance.now();
  let status: number | null = 250;
  try {
    return { kind: 'sent', response: foreignLine(await work(line), settings) };
  } catch (error) {
    status = smtpErrorOf(error).responseCode || null;
    return { kind: outcomeOf(error, line.stage), reason: describeFault(error, line.stage, settings, line.deadline) };
  } finally {
    noteExchange({ method: 'SMTP', route: 'mail', status, ms: Math.round(performance.now() - begun), peer: line.session?.peer() ?? null });
    line.session?.end();
  }
}

async function handOver(line: Line, message: MailMessage): Promise<string> {
  const octets = await messageOctets(message, line.settings);
  const session = await meet(line);
  line.stage = 'envelope';
  const envelope = { from: line.settings.from.address, to: message.to };
  return session.send(envelope, octets, () => {
    line.stage = 'content';
  });
}

/** From the name to the login. */
async function meet(line: Line): Promise<SmtpSession> {
  const addresses = await findAddresses(line.guard, line.settings.server, line.deadline);
  await open(line, addresses);
  const session = await begin(line);
  await login(line, session);
  return session;
}

async function open(line: Line, addresses: Awaited<ReturnType<typeof findAddresses>>): Promise<void> {
  line.stage = 'connection';
  const socket = await openSocket(addresses, line.settings.port, line.deadline);
  const session = createSession(line.settings, socket);
  line.session = session;
  line.deadline.addEventListener('abort', () => session.destroy(), { once: true });
}

async function begin(line: Line): Promise<SmtpSession> {
  line.stage = 'session';
  const session = line.session as SmtpSession;
  await session.begin();
  return session;
}

/** Without a user name nobody logs in; a server that wants it all the same says so when the mail comes. */
async function login(line: Line, session: SmtpSession): Promise<string> {
  line.stage = 'login';
  const { username, password } = line.settings;
  if (username === '') return 'No user name is set; mails go without a login.';
  if (password === undefined) throw new Error(noPassword);
  if (!session.offersLogin()) throw Object.assign(new Error('no login'), { code: 'EAUTH', response: 'The server offers no login here.' });
  await session.login(username, password.reveal());
  return `"${username}" is logged in.`;
}

/** A reply to the mail itself decides about this mail; whatever breaks before it holds for all of them. */
function outcomeOf(error: unknown, stage: SmtpStage): Exclude<SendOutcome['kind'], 'sent'> {
  const { responseCode } = smtpErrorOf(error);
  const isAboutLogin = responseCode === 530 || responseCode === 535;
  if (stage !== 'envelope' && stage !== 'content') return 'unreachable';
  if (responseCode === 0) return stage === 'content' ? 'uncertain' : 'unreachable';
  if (isAboutLogin || responseCode === 421) return 'unreachable';
  return responseCode >= 500 && responseCode !== 503 ? 'refused' : 'deferred';
}

async function verify(settings: SmtpSettings, guard: AddressGuard, whole?: AbortSignal): ReturnType<Mailer['verify']> {
  const { timeoutMs: stepMs } = settings;
  const conversation = AbortSignal.timeout(stepMs);
  const deadline = whole === undefined ? conversation : AbortSignal.any([whole, conversation]);
  const line: Line = { settings, guard, deadline, stage: 'address' };
  let addresses: Awaited<ReturnType<typeof findAddresses>> = [];
  const said = (work: () => Promise<string>) => () =>
    work().catch((error: unknown) => Promise.reject(new Error(describeFault(error, line.stage, settings, line.deadline))));
  const steps: readonly Step[] = [
    [
      'address',
      said(async () => {
        addresses = await findAddresses(guard, settings.server, line.deadline);
        return `${settings.server} is ${addresses.map(({ address }) => address).join(', ')}`;
      }),
    ],
    ['connection', said(async () => open(line, addresses).then(() => `Port ${settings.port} takes connections.`))],
    ['session', said(async () => encryptionWords(await begin(line)))],
    ['login', said(async () => login(line, line.session as SmtpSession))],
  ];
  const report = await runSteps(steps, { stepMs, whole: deadline });
  line.session?.end();
  return report;
}

function encryptionWords(session: SmtpSession): string {
  const protocol = session.encryption();
  return protocol === undefined ? 'The server answers; nothing on this line is encrypted.' : `The server answers, encrypted with ${protocol}.`;
}
