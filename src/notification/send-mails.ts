import type { Log } from '../runtime/log.js';
import { counter } from '../runtime/metrics.js';
import { systemContext } from '../tenancy/context.js';
import type { ClaimedMail, MailerOf, MailMessage, MailQueue, MailResult, ReadyMailer, SendOutcome } from './ports.js';
import { renderHtml, renderText } from './render.js';

export interface SendDeps {
  readonly mails: MailQueue;
  readonly mailerOf: MailerOf;
  readonly log: Log;
  /** 0 to 1; spreads the attempts of mails that failed together. */
  readonly random?: () => number;
  /** Longest for which one worker holds mails; a conversation that would end later is not begun. */
  readonly leaseMs?: number;
}

const context = systemContext('worker:mails');
const outcomes = counter<'outcome'>('gatehouse_mails_total', 'Attempts to hand over a mail to a mail server, by how they ended');

const longestLeaseMs = 300_000;
/** Mails of one server go one after the other: together they are a handful, and servers count connections. */
const atOnce = 16;

/** Hands over what is due; resolves with the number of mails that were taken up. `stopping`: what was not tried yet is put back. */
export async function sendDueMails(deps: SendDeps, stopping?: AbortSignal): Promise<number> {
  const { leaseMs = longestLeaseMs } = deps;
  const until = performance.now() + leaseMs;
  const due = await deps.mails.claim(context, atOnce, leaseMs);
  await Promise.all([...byConnector(due)].map(([connectorId, mails]) => sendThrough(connectorId, mails, until, deps, stopping)));
  return due.length;
}

function byConnector(due: readonly ClaimedMail[]): ReadonlyMap<string | null, readonly ClaimedMail[]> {
  const groups = new Map<string | null, ClaimedMail[]>();
  for (const mail of due) groups.set(mail.connectorId, [...(groups.get(mail.connectorId) ?? []), mail]);
  return groups;
}

/** A server that cannot be reached is not asked again for each of its mails. */
async function sendThrough(
  connectorId: string | null,
  mails: readonly ClaimedMail[],
  until: number,
  deps: SendDeps,
  stopping: AbortSignal | undefined,
): Promise<void> {
  const ready = connectorId === null ? undefined : await deps.mailerOf(connectorId);
  let fault: string | undefined;
  for (const mail of mails) {
    if (stopping?.aborted === true) {
      await settle(mail, { kind: 'retry', reason: 'The node was stopped.', delayMs: 0 }, deps);
      continue;
    }
    const outcome: SendOutcome = fault === undefined ? await sendOne(mail, ready, until) : { kind: 'unreachable', reason: fault };
    if (outcome.kind === 'unreachable') fault = outcome.reason;
    outcomes({ outcome: outcome.kind }).add();
    await settle(mail, resultOf(mail, outcome, ready, deps.random?.() ?? Math.random()), deps);
  }
}

async function sendOne(mail: ClaimedMail, ready: ReadyMailer | undefined, until: number): Promise<SendOutcome> {
  if (ready === undefined) return { kind: 'unreachable', reason: 'The SMTP connector of the rule is gone; choose another one.' };
  if (ready.status !== 'active') return { kind: 'unreachable', reason: 'The SMTP connector of the rule is inactive.' };
  // Whoever is so late may no longer be the only one who holds it.
  if (performance.now() + ready.timeoutMs > until) return { kind: 'deferred', reason: 'There was no time left to send it.' };
  return ready.mailer.send(messageOf(mail));
}

/** The same for every attempt, to the date: a copy is recognised by its Message-ID, and says nothing else. */
export function messageOf({ id, recipient, subject, content, createdAt }: ClaimedMail): MailMessage {
  return { id, to: recipient, subject, text: renderText(content), html: renderHtml(content), date: createdAt };
}

const minuteMs = 60_000;
const longestDelayMs = 60 * minuteMs;

/** What becomes of the mail: at 1, 2, 4, ... 60 minutes it is tried again, until its time is over. */
export function resultOf(mail: ClaimedMail, outcome: SendOutcome, ready: Pick<ReadyMailer, 'maxProcessingMs'> | undefined, random: number): MailResult {
  if (outcome.kind === 'sent') return { kind: 'sent', response: outcome.response };
  const { reason } = outcome;
  if (outcome.kind === 'refused') return { kind: 'dead', reason };
  const grown = Math.min(longestDelayMs, minuteMs * 2 ** Math.min(mail.attempts - 1, 10)) * (0.8 + 0.4 * random);
  // It may still be on its way to the mailbox; the copy comes after that.
  const delayMs = Math.round(outcome.kind === 'uncertain' ? Math.max(grown, ready?.maxProcessingMs ?? 0) : grown);
  const isOver = Date.now() + delayMs > mail.giveUpAt.getTime();
  return isOver ? { kind: 'dead', reason: `${reason} It was given up after ${mail.attempts} attempts.` } : { kind: 'retry', reason, delayMs };
}

async function settle(mail: ClaimedMail, result: MailResult, { mails, log }: SendDeps): Promise<void> {
  const facts = { mailId: mail.id, attempts: mail.attempts };
  if (result.kind === 'dead') log.error({ ...facts, reason: result.reason }, 'a mail was given up');
  if (result.kind === 'retry') log.warn({ ...facts, reason: result.reason, againInMs: result.delayMs }, 'a mail could not be sent yet');
  if (!(await mails.settle(context, mail, result)))
    log.warn({ ...facts, result: result.kind }, 'a mail was sent by someone else meanwhile, or its rule was removed');
}
