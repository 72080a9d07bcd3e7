import type { RuleTester, TestReport, TestStep } from './admin/index.js';
import type { AddressGuard } from './connectors/address-guard.js';
import { createSmtpMailer, smtpSettings } from './connectors/smtp/index.js';
import { noteConnectorState } from './notification/connector-state.js';
import { testMail } from './notification/content.js';
import type { Mailer, MailMessage, ReadyMailer, SendOutcome } from './notification/ports.js';
import { renderHtml, renderText } from './notification/render.js';
import type { NotificationRule } from './notification/rule.js';
import type { Clock } from './runtime/clock.js';
import { uuidv7 } from './runtime/ids.js';
import type { Log } from './runtime/log.js';
import type { Secret } from './runtime/secret.js';
import type { Store } from './store/store.js';
import { type Connector, isMailAddress, smtpConfigSchema } from './tenancy/connector.js';
import { systemContext } from './tenancy/context.js';
import { gatherNotificationsJob } from './workers/gather-notifications.js';
import type { Job } from './workers/loop.js';
import { forgetMailsJob, sendMailsJob } from './workers/send-mails.js';
import { type WatchExpiryDeps, watchExpiryJob } from './workers/watch-expiry.js';
import { weeklyDigestJob } from './workers/weekly-digest.js';

export interface MailParts {
  readonly store: Pick<Store, 'connectors' | 'credentials' | 'mails' | 'notifications' | 'profiles' | 'tenants'>;
  readonly guard: AddressGuard;
  /** Writes down what a saved connector's mailer does. */
  logged(mailer: Mailer, connector: Connector): Mailer;
  readonly livesOf: WatchExpiryDeps['livesOf'];
  /** Where operators go. */
  readonly consoleUrl: string;
  readonly clock: Clock;
  readonly log: Log;
}

interface SmtpUnderTest {
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly value: Secret }>>;
}

export interface MailRoom {
  readonly jobs: readonly Job[];
  readonly ruleTester: RuleTester;
  /** `to`: where a test mail goes, if one is to be sent. */
  testSmtp(connector: SmtpUnderTest, to: string | undefined, whole: AbortSignal): Promise<TestReport>;
  /** For whoever watches connectors. */
  tell(connector: Connector, state: 'up' | 'down', reason: string): Promise<void>;
}

/** Everything that sends mails, put together. */
export function createMailRoom(parts: MailParts): MailRoom {
  const { store, guard, log } = parts;
  const mailerOf = (id: string) => findMailer(id, parts);
  return {
    jobs: [
      gatherNotificationsJob({ ...store, consoleUrl: parts.consoleUrl }),
      sendMailsJob({ ...store, mailerOf, log }),
      watchExpiryJob({ ...store, livesOf: parts.livesOf }),
      weeklyDigestJob({ ...store, clock: parts.clock }),
      forgetMailsJob(store),
    ],
    ruleTester: { test: (rule, recipients) => testRule(rule, recipients, mailerOf, parts) },
    testSmtp: (connector, to, whole) => testSmtp(smtpMailer(connector, guard).mailer, to, whole, parts),
    tell: async ({ id }, state, reason) => void (await noteConnectorState(store.notifications, { connectorId: id, state, reason })),
  };
}

const actor = systemContext('worker:mails');

async function findMailer(connectorId: string, { store, guard, logged }: MailParts): Promise<ReadyMailer | undefined> {
  const connector = await store.connectors.find(actor, connectorId);
  if (connector?.type !== 'smtp') return undefined;
  const { mailer, config } = smtpMailer(connector, guard);
  const { maxProcessingMs, timeoutMs } = config;
  return { mailer: logged(mailer, connector), status: connector.status, maxProcessingMs, timeoutMs };
}

function smtpMailer({ config: given, secrets }: SmtpUnderTest, guard: AddressGuard) {
  const config = smtpConfigSchema.parse(given);
  return { mailer: createSmtpMailer(smtpSettings(config, secrets.password?.value), guard), config };
}

async function testSmtp(mailer: Mailer, to: string | undefined, whole: AbortSignal, parts: MailParts): Promise<TestReport> {
  const verified = await mailer.verify(whole);
  if (!verified.ok || to === undefined) return verified;
  const step = await sendTest(mailer, to, { ruleName: '', tenantName: '' }, 'mail', parts);
  return { ok: step.ok, steps: [...verified.steps, step] };
}

/** One step per recipient; the first that shows that no mail can be sent ends it. */
async function testRule(
  rule: NotificationRule,
  recipients: readonly string[],
  mailerOf: (id: string) => Promise<ReadyMailer | undefined>,
  parts: MailParts,
): Promise<TestReport> {
  const ready = await mailerOf(rule.connectorId);
  if (ready === undefined) return { ok: false, steps: [{ name: 'connector', ok: false, message: 'The SMTP connector of this rule is gone.', ms: 0 }] };
  const tenant = await parts.store.tenants.find(actor, rule.tenantId);
  const steps: TestStep[] = [];
  for (const recipient of recipients) {
    const step = await sendTest(ready.mailer, recipient, { ruleName: rule.name, tenantName: tenant?.name ?? '' }, recipient, parts);
    steps.push(step);
    if (step.isLast) break;
  }
  return { ok: steps.every(({ ok }) => ok), steps: steps.map(({ name, ok, message, ms }) => ({ name, ok, message, ms })) };
}

async function sendTest(mailer: Mailer, to: string, words: { readonly ruleName: string; readonly tenantName: string }, name: string, parts: MailParts) {
  if (!isMailAddress(to)) return { name, ok: false, message: `"${to}" is no mail address.`, ms: 0, isLast: false };
  const begun = performance.now();
  const { subject, content } = testMail({ ...words, consoleUrl: parts.consoleUrl });
  const message: MailMessage = { id: uuidv7(), to, subject, text: renderText(content), html: renderHtml(content), date: parts.clock.now() };
  const outcome = await mailer.send(message);
  const shown = { name, ok: outcome.kind === 'sent', message: testWords(outcome, to), ms: Math.round(performance.now() - begun) };
  return { ...shown, isLast: outcome.kind === 'unreachable' };
}

function testWords(outcome: SendOutcome, to: string): string {
  return outcome.kind === 'sent' ? `The server took a mail for ${to}: ${outcome.response}` : outcome.reason;
}
