import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { recordWaiting } from './await-approval.js';
import { withConfirmationTime } from './confirmation-time.js';
import { existingOutcome, givesWay, isWithoutOrder, pendingOrEarlier, type Recorded } from './earlier.js';
import { recordAndIssue } from './issue-at-once.js';
import { certificateRecord } from './new-order.js';
import type { Issued } from './outcome.js';
import type { Checked } from './policy.js';
import { refusedOutcome } from './poll.js';
import type { Issuer, NewOrder, RecordOutcome } from './ports.js';
import { refusal } from './refusal.js';
import type { EnrolmentDeps } from './service.js';
import { awaitIssuance } from './settle.js';

/** Records the order and hands it on: to the administrator, to the engine in our own database, or to the CA elsewhere. */
export async function recordAndForward(
  profile: Profile,
  order: NewOrder,
  checked: Checked,
  issuer: Issuer | undefined,
  context: TenantContext,
  deps: EnrolmentDeps,
): Promise<Recorded> {
  const isAutomatic = profile.policy.approval.mode === 'automatic';
  if (isAutomatic && issuer?.local !== undefined && order.isExclusive !== true && order.notice === undefined) {
    return issueLocally(order, checked, issuer, context, deps);
  }
  if (!isAutomatic) return recordWaiting(profile, order, context, deps);
  if (deps.backlog.isFull(order.connectorId) && (await deps.orders.findTransaction(context, order.dedupeKey)) === undefined)
    return refusedOutcome(refusal('unavailable', 'too many orders wait for their CA'));
  if (issuer !== undefined && order.isExclusive !== true && order.notice === undefined) return issueElsewhere(order, checked, issuer, context, deps);
  return forwardRecorded(order, await deps.orders.record(context, order, 'ACCEPTED'), context, deps);
}

/** A CA elsewhere: called from here at once where that can be, else by the worker in its turn. */
async function issueElsewhere(order: NewOrder, checked: Checked, issuer: Issuer, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  const recorded = await recordAndIssue(order, checked.isModified, issuer, context, deps);
  if (recorded.kind === 'answered') return recorded.outcome;
  return recorded.kind === 'recorded' ? pendingOrEarlier(order, recorded, context, deps) : forwardRecorded(order, recorded, context, deps);
}

/** The engine in our own database: the certificate is signed first and becomes real only if its order is recorded. */
async function issueLocally(order: NewOrder, checked: Checked, issuer: Issuer, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  const soon = issuer.local?.sign(checked.request);
  const signed = soon instanceof Promise ? await soon.catch((error: unknown) => noteUnsigned(error, order, deps)) : soon;
  if (signed === undefined || !signed.ok) {
    const recorded = await deps.orders.record(context, order, 'ACCEPTED');
    return forwardRecorded(order, recorded, context, deps);
  }
  const { certificate, caId } = signed.value;
  const complete = withConfirmationTime(order);
  const recorded = await deps.orders.settleIssued(context, complete, certificateRecord(certificate), caId);
  if (recorded.kind !== 'recorded') return forwardRecorded(order, recorded, context, deps);
  return issued(complete, certificate, checked.isModified);
}

/** The worker issues it in its turn. */
function noteUnsigned(error: unknown, order: NewOrder, { log }: EnrolmentDeps): undefined {
  log.warn({ err: error, orderId: order.id }, 'the engine could not sign at once');
}

function issued(order: NewOrder, certificate: Buffer, isModified: boolean): Issued {
  return { kind: 'issued', orderId: order.id, certificate, isModified, isReplay: false, session: order.session };
}

/** A new order goes to its CA; an old one is answered as it stands, or gives way if it is over. */
async function forwardRecorded(order: NewOrder, recorded: RecordOutcome, context: TenantContext, deps: EnrolmentDeps): Promise<Recorded> {
  if (isWithoutOrder(recorded)) return recorded.kind;
  if (recorded.kind === 'recorded') return awaitIssuance(recorded.order.id, order.dedupeKey, context, deps);
  const { transaction } = recorded;
  if (!givesWay(transaction, order, deps)) return existingOutcome(transaction, order, deps);
  const superseding = await deps.orders.supersede(context, order, transaction.order.id);
  if (isWithoutOrder(superseding)) return superseding.kind;
  if (superseding.kind === 'existing') return existingOutcome(superseding.transaction, order, deps);
  return awaitIssuance(superseding.order.id, order.dedupeKey, context, deps);
}
