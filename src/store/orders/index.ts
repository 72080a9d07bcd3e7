import { sql } from 'kysely';
import type { OrderState } from '../../enrolment/order.js';
import type { OrderStore, RecordOutcome } from '../../enrolment/ports.js';
import type { StuckOrders } from '../../enrolment/stuck.js';
import type { Log } from '../../runtime/log.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, rowsOf, transact } from '../connection/connection.js';
import { createSpool } from '../spool.js';
import { isUuid } from '../text.js';
import { claimLookup, due } from './claim.js';
import { claimBatcher } from './claim-statement.js';
import { type Delivery, writeDeliveries } from './deliver.js';
import { issuanceBatcher, redemptionBatcher } from './issue.js';
import { move } from './move.js';
import { hasOpenRenewal } from './open-renewal.js';
import { expire, reapLeases } from './reap.js';
import { record, supersede } from './record.js';
import { recordingBatcher, redeemingBatcher } from './record-claimed.js';
import { openRequest, resolveStuck, retryStuck } from './resolve.js';
import { settleClaimed } from './settle-claimed.js';
import { settlementBatcher } from './settle-statement.js';
import { revokeSurplus } from './surplus.js';
import { findStanding, findTransactions, forgetTransactions, updateSession } from './transactions.js';
import { endConfirmations } from './unconfirmed.js';
import { changeHeld } from './want-revocations.js';

/** The port, and what an administrator does to an order beside. */
export interface OrderDesk extends OrderStore {
  /** A failed or rejected order has been seen to; false when there is none to acknowledge. */
  acknowledge(context: TenantContext, orderId: string): Promise<boolean>;
  /** Wants a certificate on hold released, or revoked for good; false when it is not on hold, or under way. */
  changeHeld(context: TenantContext, orderId: string, certificateId: string, reason: string, crlReason: number): Promise<boolean>;
  /** As the port's, with the CRLReason number of a wanted revocation (RFC 5280 section 5.3.1). */
  move(context: TenantContext, orderId: string, from: readonly OrderState[], to: OrderState, reason: string, crlReason?: number): Promise<boolean>;
}

export interface OrderRoom {
  readonly store: OrderDesk;
  readonly stuck: StuckOrders;
  flush(): Promise<void>;
  close(): Promise<void>;
}

const deliverySpool = { name: 'deliveries', intervalMs: 200, maxBatch: 500, maxWaiting: 100_000 };

export function orderRoom(connection: Connection, boot: Boot, sealer: Sealer, log: Log): OrderRoom {
  const issuances = issuanceBatcher(connection, boot);
  const redemptions = redemptionBatcher(connection, boot);
  const recordings = recordingBatcher(connection, boot, sealer);
  const redeemings = redeemingBatcher(connection, boot, sealer);
  const claims = claimBatcher(connection, boot, sealer);
  const settlements = settlementBatcher(connection, boot);
  const idle = () => Promise.all([issuances, redemptions, recordings, redeemings, claims, settlements].map((batcher) => batcher.idle()));
  const deliveries = createSpool<Delivery>((batch) => writeDeliveries(connection, boot, batch), { ...deliverySpool, log });
  const store: OrderDesk = {
    settleIssued: (context, order, certificate, caId): Promise<RecordOutcome> =>
      (order.challengeId === undefined ? issuances : redemptions).submit({ context, order, certificate, caId }),
    record: (context, order, state) => record(connection, boot, sealer, context, order, state),
    supersede: (context, order, replaces, state) => supersede(connection, boot, sealer, context, order, replaces, state),
    countAttempt: (context, orderId) => countAttempt(connection, context, orderId),
    findTransaction: (context, dedupeKey) => findStanding(connection, context, dedupeKey),
    findTransactions: (context, profileId, transactionId) => findTransactions(connection, context, profileId, transactionId),
    updateSession: (context, dedupeKey, session, expected) => updateSession(connection, context, dedupeKey, session, expected),
    noteDelivered: (context, orderId, state) => deliveries.add({ context, orderId, state }),
    move: (context, orderId, from, to, reason, crlReason) => move(connection, boot, context, orderId, from, to, reason, crlReason),
    recordClaimed: (context, order, leaseMs) => (order.challengeId === undefined ? recordings : redeemings).submit({ context, order, leaseMs }),
    claim: (context, orderId, leaseMs) => claims.submit({ context, orderId, leaseMs }),
    async settleClaimed(context, claimed, answer) {
      if (answer.kind === 'issued' && (await settlements.submit({ context, claimed, certificate: answer.certificate }))) return true;
      return settleClaimed(connection, boot, context, claimed, answer);
    },
    due: (context, kind, limit, except) => due(connection, context, kind, limit, except),
    claimLookup: (context, orderId, leaseMs) => claimLookup(connection, sealer, context, orderId, leaseMs),
    reapLeases: (context) => reapLeases(connection, boot, context),
    revokeSurplus: (context) => revokeSurplus(connection, context),
    expire: (context) => expire(connection, boot, context),
    endConfirmations: (context, now) => endConfirmations(connection, boot, context, now),
    hasOpenRenewal: (context, order) => hasOpenRenewal(connection, context, order),
    forgetTransactions: (context) => forgetTransactions(connection, context),
    changeHeld: (context, orderId, certificateId, why, reason) => changeHeld(connection, boot, context, why, { orderId, certificateId, reason }),
    acknowledge: (context, orderId) => acknowledge(connection, boot, context, orderId),
  };
  return {
    store,
    stuck: {
      openRequest: (context, orderId) => openRequest(connection, sealer, context, orderId),
      retryStuck: (context, orderId, reason) => retryStuck(connection, boot, context, orderId, reason),
      resolveStuck: (context, orderId, certificate, reason) => resolveStuck(connection, boot, context, orderId, certificate, reason),
    },
    async flush() {
      await idle();
      await deliveries.flush();
    },
    async close() {
      await idle();
      await deliveries.close();
    },
  };
}

async function countAttempt(connection: Connection, { tenantId }: TenantContext, orderId: string): Promise<void> {
  await rowsOf(connection, sql`update orders set attempts = attempts + 1 where id = ${orderId} and tenant_id = ${tenantId}`);
}

async function acknowledge(connection: Connection, boot: Boot, context: TenantContext, orderId: string): Promise<boolean> {
  if (!isUuid(orderId)) return false;
  return transact(connection, async (trx) => {
    const { rows } = await sql`update orders set acknowledged_at = coalesce(acknowledged_at, now())
      where id = ${orderId} and tenant_id = ${context.tenantId} and state in ('FAILED', 'EXPIRED', 'REJECTED') returning 1`.execute(trx);
    if (rows.length === 0) return false;
    const { tenantId, actor } = context;
    await writeAudit(trx, boot, [{ tenantId, actor, action: 'order.acknowledged', object: `order:${orderId}`, outcome: 'success', details: {} }]);
    return true;
  });
}
