import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { contentHashOf, dedupeKeyOf } from './new-order.js';
import { phaseOf } from './order.js';
import type { Outcome } from './outcome.js';
import { outcomeOf, refusedOutcome } from './poll.js';
import type { NewOrder, RecordOutcome, StoredTransaction } from './ports.js';
import { refusal } from './refusal.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** Another request was quicker with the same one-time challenge; or the profile wants one certificate for a device, and it has one. */
export type Recorded = Outcome | 'challenge-spent' | 'account-held';

type WithoutOrder = Extract<RecordOutcome, { readonly kind: Extract<Recorded, string> }>;

/** The store refused to record the order at all. */
export function isWithoutOrder(recorded: RecordOutcome): recorded is WithoutOrder {
  return recorded.kind === 'challenge-spent' || recorded.kind === 'account-held';
}

/**
 * Many SCEP clients derive the transactionID from their key, so it comes again after a refusal, and for a renewal once the old
 * order is final and delivered. A CMP transactionID is used once (RFC 9483 section 3.1), save for a retry of what was refused.
 */
export function givesWay(transaction: StoredTransaction, order: NewOrder, deps: EnrolmentDeps): boolean {
  const { order: old, contentHash } = transaction;
  const isSame = contentHash.equals(order.contentHash);
  if (phaseOf(old.state) === 'refused') return isSame || order.protocol === 'scep';
  if (phaseOf(old.state) === 'open' || isSame || order.protocol === 'cmp') return false;
  // Who signs with the certificate has it, whether or not its delivery has been noted yet.
  if (order.renews !== null && order.renews === old.certificateId) return true;
  const age = deps.clock.now().getTime() - (old.finishedAt ?? old.createdAt).getTime();
  return old.state !== 'ISSUED' || age > deliveryGraceMs;
}

/** How long an issued certificate counts as under way to its device when its delivery was never noted. */
const deliveryGraceMs = 60_000;

/** What became of the request that was here first; whoever asks for something else under its transactionID is refused. */
export function existingOutcome(transaction: StoredTransaction, order: NewOrder, deps: EnrolmentDeps): Outcome {
  if (!transaction.contentHash.equals(order.contentHash)) return refusedOutcome(refusal('transaction-in-use'));
  return outcomeOf(transaction, deps.clock.now());
}

/** A retransmission is answered as before even when its credential has been used up or has expired since. */
export async function earlierOutcome(profile: Profile, request: EnrolmentRequest, context: TenantContext, deps: EnrolmentDeps): Promise<Outcome | undefined> {
  const transaction = await deps.orders.findTransaction(context, dedupeKeyOf(profile.id, request));
  if (transaction === undefined || !transaction.contentHash.equals(contentHashOf(request))) return undefined;
  if (phaseOf(transaction.order.state) === 'refused') return undefined;
  return outcomeOf(transaction, deps.clock.now());
}

/** The answer to an order that now waits, or to the one that was here before it. */
export async function pendingOrEarlier(order: NewOrder, recorded: RecordOutcome, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (isWithoutOrder(recorded)) return recorded.kind;
  if (recorded.kind === 'existing') return existingOutcome(recorded.transaction, order, deps);
  const transaction = await deps.orders.findTransaction(context, order.dedupeKey);
  return transaction === undefined ? refusedOutcome(refusal('unavailable')) : outcomeOf(transaction, deps.clock.now());
}
