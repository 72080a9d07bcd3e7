import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { spentRefusal } from './challenge.js';
import { existingOutcome, givesWay, pendingOrEarlier, type Recorded } from './earlier.js';
import type { Outcome } from './outcome.js';
import { refusedOutcome } from './poll.js';
import type { NewOrder } from './ports.js';
import { refusal } from './refusal.js';
import { refuseUnauthenticated } from './refuse.js';
import type { EnrolmentRequest } from './request.js';
import type { EnrolmentDeps } from './service.js';

/** For a request that the profile would otherwise refuse: a decision of an administrator, whatever the profile does with others. */
export async function putBeforeAdministrator(
  profile: Profile,
  request: EnrolmentRequest,
  order: NewOrder,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Outcome> {
  const outcome = await recordWaiting(profile, order, context, deps);
  if (outcome === 'challenge-spent') return refuseUnauthenticated(profile, request, spentRefusal(order.challengeId ?? ''), deps);
  return outcome === 'account-held' ? refusedOutcome(refusal('unavailable')) : outcome;
}

/** An order for the administrator to decide, in the place of one that is over; but who sends again what he rejected has his answer. */
export async function recordWaiting(profile: Profile, order: NewOrder, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (await isFull(profile, order, context, deps)) return refusedOutcome(refusal('unavailable', 'too many orders wait for an administrator'));
  const recorded = await deps.orders.record(context, order, 'AWAITING_APPROVAL');
  if (recorded.kind !== 'existing') return pendingOrEarlier(order, recorded, context, deps);
  const { transaction } = recorded;
  const isDecided = transaction.order.failInfo === 'order-rejected' && transaction.contentHash.equals(order.contentHash);
  if (isDecided || !givesWay(transaction, order, deps)) return existingOutcome(transaction, order, deps);
  return pendingOrEarlier(order, await deps.orders.supersede(context, order, transaction.order.id, 'AWAITING_APPROVAL'), context, deps);
}

/** Row AB-17. Nothing is recorded then and no challenge used; what waits already goes on waiting. */
async function isFull(profile: Profile, order: NewOrder, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  const { maxPending } = profile.policy.approval;
  if (maxPending === null) return false;
  const waiting = await deps.orderReader.list(context, { profileId: profile.id, state: 'AWAITING_APPROVAL', limit: 1 });
  return waiting.total >= maxPending && (await deps.orders.findTransaction(context, order.dedupeKey)) === undefined;
}
