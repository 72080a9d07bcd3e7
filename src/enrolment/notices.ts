import type { AuditLog } from '../audit/event.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ChallengeJudge, NoticeAnswer, OrderNotice } from '../tenancy/challenge-judge.js';
import { type SystemContext, systemContext } from '../tenancy/context.js';
import type { ProfileStore } from '../tenancy/ports.js';
import type { ScepProfile } from '../tenancy/profile.js';
import { type Order, phaseOf } from './order.js';
import type { CertificateStore, OrderReader } from './ports.js';
import { refusals } from './refusal.js';

/** Whoever vouched for the challenge of an order is to hear how it ended. */
export interface NoticeDue {
  readonly outboxId: string;
  readonly orderId: string;
  /** As received, DER. */
  readonly pkcs10: Buffer;
  readonly recordedAt: Date;
}

/** The outbox topic `challenge.notice`: recorded in the commit of the order, claimed for a lease, done or put back with a growing delay. */
export interface NoticeQueue {
  claim(context: SystemContext, limit: number, leaseMs: number): Promise<readonly NoticeDue[]>;
  done(due: NoticeDue): Promise<void>;
  retry(due: NoticeDue, reason: string): Promise<void>;
}

export interface NoticeDeps {
  readonly notices: NoticeQueue;
  readonly orderReader: Pick<OrderReader, 'find'>;
  readonly certificates: Pick<CertificateStore, 'find'>;
  readonly profiles: Pick<ProfileStore, 'find'>;
  readonly judge: ChallengeJudge;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
}

const context = systemContext('worker:notices');
const patienceMs = 7 * 86_400_000;

/** Tells how an order ended once it has; at least once, under an id that stays the same. After a week of silence it is given up, which the audit says. */
export async function carryOutNotice(due: NoticeDue, deps: NoticeDeps): Promise<void> {
  const order = await deps.orderReader.find(context, due.orderId);
  if (order === undefined) return deps.notices.done(due);
  if (phaseOf(order.state) === 'open') return deps.notices.retry(due, 'the order is open');
  const profile = await deps.profiles.find(context, 'scep', order.profileId);
  const answer = profile?.protocol === 'scep' ? await tell(profile, order, due, deps) : noProfile;
  if (answer.kind === 'unavailable' && !isTooOld(due, deps)) return deps.notices.retry(due, answer.reason);
  await note(order, answer, deps);
  await deps.notices.done(due);
}

const noProfile: NoticeAnswer = { kind: 'refused', reason: 'the profile is gone' };

async function tell(profile: ScepProfile, order: Order, due: NoticeDue, deps: NoticeDeps): Promise<NoticeAnswer> {
  const notice = { noticeId: due.outboxId, transactionId: order.transactionId, pkcs10: due.pkcs10 };
  return deps.judge.notify(profile, { ...notice, ...(await endingOf(order, deps)) });
}

type Ending = Pick<Extract<OrderNotice, { kind: 'issued' }>, 'kind' | 'certificate'> | Pick<Extract<OrderNotice, { kind: 'failed' }>, 'kind' | 'code' | 'text'>;

async function endingOf(order: Order, { certificates }: NoticeDeps): Promise<Ending> {
  if (order.state === 'REVOKE_WANTED' || order.state === 'REVOKED') return { kind: 'failed', code: 'revoked', text: 'The certificate was revoked.' };
  const certificate = order.certificateId === null ? undefined : await certificates.find(context, order.certificateId);
  if (phaseOf(order.state) === 'issued' && certificate !== undefined) return { kind: 'issued', certificate: certificate.der };
  const code = order.failInfo ?? 'order-failed';
  const says = code in refusals ? refusals[code as keyof typeof refusals] : refusals['order-failed'];
  return { kind: 'failed', code, text: order.failReason === null || order.failReason === '' ? says : `${says} ${order.failReason}` };
}

function isTooOld({ recordedAt }: NoticeDue, { clock }: NoticeDeps): boolean {
  return clock.now().getTime() - recordedAt.getTime() > patienceMs;
}

async function note(order: Order, answer: NoticeAnswer, { audit, clock, log }: NoticeDeps): Promise<void> {
  const isTaken = answer.kind === 'taken';
  if (!isTaken) log.error({ orderId: order.id, reason: answer.reason }, 'whoever vouched for a challenge was not told how its order ended');
  await audit.append({
    at: clock.now(),
    tenantId: order.tenantId,
    actor: context.actor,
    action: 'challenge.notice',
    object: `order:${order.id}`,
    outcome: isTaken ? 'success' : 'failure',
    details: isTaken ? { state: order.state } : { state: order.state, reason: answer.reason },
  });
}
