import { sql } from 'kysely';
import { type OrderState, openStates } from '../../enrolment/order.js';
import type { RefusalCode } from '../../enrolment/refusal.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import { endWork, enterState, type LockedOrder, lockOrder, resumeWork, wantRevocation } from './change.js';
import { stateEvent } from './event.js';
import { isMoveAllowed } from './steps.js';

const failInfos: Partial<Record<OrderState, RefusalCode>> = { REJECTED: 'order-rejected', FAILED: 'order-failed', EXPIRED: 'order-expired' };

/**
 * Moves an order that is in one of `from` to `to`; false when it is elsewhere, when the move is not one of `transitions`, or when the
 * state needs what only a CA call brings. `crlReason` goes with REVOKE_WANTED.
 */
export async function move(
  connection: Connection,
  boot: Boot,
  context: TenantContext,
  orderId: string,
  from: readonly OrderState[],
  to: OrderState,
  reason: string,
  crlReason = 0,
): Promise<boolean> {
  const allowed = from.filter((state) => isMoveAllowed(state, to));
  if (allowed.length === 0) return false;
  return transact(connection, async (trx, isRetry) => {
    const order = await lockOrder(trx, context.tenantId, orderId);
    if (order === undefined) return false;
    if (!allowed.includes(order.state)) return isRetry && order.state === to;
    if (to === 'REVOKE_WANTED' && order.certificate_id === null) return false;
    const failInfo = failInfos[to];
    await enterState(trx, order, failInfo === undefined ? { to, reason } : { to, reason, failInfo });
    await followUp(trx, order, to, crlReason);
    await writeAudit(trx, boot, [stateEvent(context, orderId, to, reason)]);
    return true;
  });
}

type Trx = Parameters<typeof enterState>[0];

async function followUp(trx: Trx, order: LockedOrder, to: OrderState, crlReason: number): Promise<void> {
  if (to === 'ACCEPTED') await resumeWork(trx, order.id, 0);
  if (to === 'UNCERTAIN') await fenceOff(trx, order.id);
  if (to === 'REVOKE_WANTED')
    await wantRevocation(trx, order.tenant_id, { orderId: order.id, certificateId: order.certificate_id, orphanId: null, reason: crlReason });
  if (to === 'REVOKED' && order.certificate_id !== null) await markRevoked(trx, order.certificate_id, crlReason);
  if (to === 'CONFIRMED') await supersedeRenewed(trx, order.id);
  const isOver = !(openStates as readonly OrderState[]).includes(to);
  const isLookedUp = to === 'EXPIRED' && (order.state === 'UNCERTAIN' || order.state === 'CA_PENDING');
  if (isOver && !isLookedUp) await endWork(trx, order.id);
}

/** Whoever still holds the old fence can no longer write its result. */
async function fenceOff(trx: Trx, orderId: string): Promise<void> {
  await sql`update order_work set fence = fence + 1, lease_until = null, next_attempt_at = clock_timestamp() where order_id = ${orderId}`.execute(trx);
}

/** A certificate that a confirmed renewal replaced cannot be renewed again; it stays valid. */
async function supersedeRenewed(trx: Trx, orderId: string): Promise<void> {
  await sql`update certificates c set status = 'superseded', superseded_by = o.certificate_id from orders o
    where o.id = ${orderId} and c.id = o.renews and c.status = 'valid'`.execute(trx);
}

export async function markRevoked(trx: Trx, certificateId: string, crlReason: number): Promise<void> {
  await sql`update certificates set status = 'revoked', revoked_at = coalesce(revoked_at, now()), revocation_reason = ${crlReason}
    where id = ${certificateId}`.execute(trx);
}
