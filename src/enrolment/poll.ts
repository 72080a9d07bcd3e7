import { tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { dedupeKeyOf } from './new-order.js';
import { phaseOf } from './order.js';
import type { Outcome, Refused } from './outcome.js';
import type { StoredTransaction } from './ports.js';
import { type Refusal, type RefusalCode, refusal, refusals } from './refusal.js';
import type { EnrolmentDeps, TransactionQuery } from './service.js';

/** The answer to one who asks again; another requester learns only that this is not its transaction (row AB-06). */
export async function poll(profile: Profile, query: TransactionQuery, deps: EnrolmentDeps): Promise<Outcome> {
  const transaction = await findTransaction(profile, query, deps);
  if (transaction !== undefined) return outcomeOf(transaction, deps.clock.now());
  const others = await deps.orders.findTransactions(tenantContext(profile.tenantId, 'device'), profile.id, query.transactionId);
  return refusedOutcome(refusal(others.length > 0 ? 'not-authorised' : 'transaction-unknown'));
}

/** The transaction, if this requester began it. */
export async function findTransaction(profile: Profile, query: TransactionQuery, deps: EnrolmentDeps): Promise<StoredTransaction | undefined> {
  const context = tenantContext(profile.tenantId, 'device');
  const transaction = await deps.orders.findTransaction(context, dedupeKeyOf(profile.id, query));
  return transaction?.session.requester === query.requester.toString('hex') ? transaction : undefined;
}

/** What a recorded transaction means to its device now. */
export function outcomeOf(transaction: StoredTransaction, now: Date): Outcome {
  const { order, session, certificate } = transaction;
  const phase = phaseOf(order.state);
  if (phase === 'refused') return refusedOutcome(refusal(codeOf(order.failInfo, order.state), order.failReason ?? undefined), order.id);
  if (order.state === 'REVOKE_WANTED' || order.state === 'REVOKED') return refusedOutcome(refusal('order-rejected', 'revoked'), order.id);
  if (phase === 'issued' && certificate !== null) {
    return { kind: 'issued', orderId: order.id, certificate, isModified: session.modified === true, isReplay: true, session };
  }
  const waitsFor = order.state === 'AWAITING_APPROVAL' ? 'approval' : 'issuance';
  return { kind: 'pending', orderId: order.id, checkAfterSeconds: checkAfter(order.createdAt, now), waitsFor, session };
}

function codeOf(failInfo: string | null, state: string): RefusalCode {
  if (failInfo !== null && failInfo in refusals) return failInfo as RefusalCode;
  if (state === 'EXPIRED') return 'order-expired';
  return state === 'FAILED' ? 'order-failed' : 'order-rejected';
}

/** Seconds until the device should ask again: 2 to 5 in the first two minutes, then up to 300 with the age of the order. */
export function checkAfter(since: Date, now: Date): number {
  const age = Math.max(0, (now.getTime() - since.getTime()) / 1000);
  if (age < 120) return age < 10 ? 2 : 5;
  return Math.min(300, Math.round(age / 10));
}

export function refusedOutcome(refused: Refusal, orderId?: string): Refused {
  return orderId === undefined ? { kind: 'refused', refusal: refused } : { kind: 'refused', refusal: refused, orderId };
}
