import { failpoint } from '../runtime/failpoint.js';
import { type TenantContext, tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { isConfirmationLate } from './confirmation-time.js';
import { dedupeKeyOf } from './new-order.js';
import type { Order, Session } from './order.js';
import type { StoredTransaction } from './ports.js';
import type { Confirmation, EnrolmentDeps } from './service.js';

/** How long a repeated certConf is answered like the first (its pkiconf may have been lost). */
const repeatMs = 600_000;

/** The device's word on its certificate (RFC 9483 section 4.1.1): accepted -> CONFIRMED, refused -> it will be revoked. */
export async function confirm(profile: Profile, transaction: StoredTransaction, isAccepted: boolean, deps: EnrolmentDeps): Promise<Confirmation> {
  const context = tenantContext(profile.tenantId, 'device');
  const { order, session } = transaction;
  const confirmedAt = session.confirmedAt;
  const now = deps.clock.now();
  if (typeof confirmedAt === 'number') return now.getTime() - confirmedAt <= repeatMs ? 'already' : 'closed';
  if (await isLate(session, now, deps)) return 'unexpected';
  const isKept = !isAccepted && session.keepUnconfirmed === true;
  const target = isAccepted ? 'CONFIRMED' : 'REVOKE_WANTED';
  const reason = isAccepted ? 'The device confirmed the certificate.' : 'The device refused the certificate.';
  const requester = Buffer.from(String(session.requester), 'hex');
  const dedupeKey = dedupeKeyOf(profile.id, { protocol: order.protocol, transactionId: order.transactionId, requester });
  failpoint('confirming');
  const isMoved = isKept ? await noteRefused(context, order, reason, deps) : await deps.orders.move(context, order.id, ['ISSUED', 'DELIVERED'], target, reason);
  if (!isMoved && !(await hasSaidSo(context, dedupeKey, isAccepted, deps))) return 'unexpected';
  failpoint('confirmed');
  await deps.orders.updateSession(context, dedupeKey, { confirmedAt: now.getTime(), confirmUntil: null, confirmNamed: session.confirmUntil ?? null });
  if (!isMoved) return 'already';
  return isAccepted ? 'confirmed' : 'rejected';
}

/** A node whose own clock is ahead asks for the time that all nodes agree on before it takes a certificate from its device. */
async function isLate(session: Session, now: Date, { databaseNow }: EnrolmentDeps): Promise<boolean> {
  if (!isConfirmationLate(session, now)) return false;
  return databaseNow === undefined || isConfirmationLate(session, await databaseNow());
}

/** A profile that keeps certificates which their devices refused: the operator finds it in the order's history. */
async function noteRefused(context: TenantContext, order: Order, reason: string, deps: EnrolmentDeps): Promise<true> {
  const { tenantId, actor } = context;
  await deps.audit.append({
    at: deps.clock.now(),
    tenantId,
    actor,
    action: 'order.unconfirmed',
    object: `order:${order.id}`,
    outcome: 'failure',
    details: { state: order.state, reason },
  });
  return true;
}

/**
 * Another copy of this certConf came first and its mark is not in the session (yet): it is under way on another node, or its node
 * died between the two writes. The state tells, and the device gets the same answer again (row CMP-132).
 */
async function hasSaidSo(context: TenantContext, dedupeKey: Buffer, isAccepted: boolean, deps: EnrolmentDeps): Promise<boolean> {
  const state = (await deps.orders.findTransaction(context, dedupeKey))?.order.state;
  return isAccepted ? state === 'CONFIRMED' : state === 'REVOKE_WANTED' || state === 'REVOKED';
}
