import { sql } from 'kysely';
import type { OrderState } from '../../enrolment/order.js';
import type { SystemContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import { withoutScans } from '../connection/without-scans.js';
import { endWork, enterState, type LockedOrder } from './change.js';
import { stateEvent } from './event.js';

const atOnce = 200;

/**
 * ISSUING with the lease over: the owner is dead or paused, and its call may still be under way, or was never made. What was not answered for
 * this reason is the CA's no more than ours: it does not count among the calls that the CA swallowed.
 */
export function reapLeases(connection: Connection, boot: Boot, context: SystemContext): Promise<number> {
  return inRounds(() =>
    transact(connection, async (trx) => {
      await withoutScans(trx);
      const { rows } = await sql<{ id: string; tenant_id: string }>`
        with late as (
          select w.order_id from order_work w join orders o on o.id = w.order_id
          where o.state = 'ISSUING' and w.lease_until < now() order by w.lease_until limit ${atOnce} for update of w, o skip locked
        ), fenced as (
          update order_work w set fence = fence + 1, lease_until = null, next_attempt_at = clock_timestamp(), calls = greatest(calls - 1, 0)
          from late where w.order_id = late.order_id)
        update orders o set state = 'UNCERTAIN' from late where o.id = late.order_id returning o.id, o.tenant_id`.execute(trx);
      const reason = 'The lease ended without a result.';
      await writeAudit(
        trx,
        boot,
        rows.map((row) => stateEvent({ ...context, tenantId: row.tenant_id }, row.id, 'UNCERTAIN', reason)),
      );
      return rows.length;
    }),
  );
}

/** How long an order that expired while its CA might still act is looked up. */
const lookedUpAfterwards = sql.lit('7 days');
const expiring = ['AWAITING_APPROVAL', 'ACCEPTED', 'UNCERTAIN', 'CA_PENDING', 'STUCK'] as const satisfies readonly OrderState[];

/** Open orders past their deadline; one that is being called waits for the end of its lease. */
export async function expire(connection: Connection, boot: Boot, context: SystemContext): Promise<number> {
  await transact(connection, async (trx) => {
    await withoutScans(trx);
    await sql`delete from order_work w using orders o where o.id = w.order_id and o.state = 'EXPIRED'
      and w.deadline < now() - ${lookedUpAfterwards}::interval`.execute(trx);
  });
  return inRounds(() => expireSome(connection, boot, context));
}

function expireSome(connection: Connection, boot: Boot, context: SystemContext): Promise<number> {
  return transact(connection, async (trx) => {
    await withoutScans(trx);
    const { rows } = await sql<LockedOrder>`
      select o.id, o.tenant_id, o.profile_id, o.connector_id, o.state, o.certificate_id, w.fence, w.ca_reference
      from order_work w join orders o on o.id = w.order_id
      where o.state in (${sql.join(expiring)}) and w.deadline < now()
      order by w.deadline limit ${atOnce} for update of w, o skip locked`.execute(trx);
    const reason = 'The order was not completed in time.';
    for (const order of rows) {
      await enterState(trx, order, { to: 'EXPIRED', reason, failInfo: 'order-expired' });
      if (order.state !== 'UNCERTAIN' && order.state !== 'CA_PENDING') await endWork(trx, order.id);
    }
    await writeAudit(
      trx,
      boot,
      rows.map((row) => stateEvent({ ...context, tenantId: row.tenant_id }, row.id, 'EXPIRED', reason)),
    );
    return rows.length;
  });
}

async function inRounds(round: () => Promise<number>): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await round();
    total += count;
    if (count < atOnce) return total;
  }
}
