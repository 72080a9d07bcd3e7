import { sql, type Transaction } from 'kysely';
import type { OrderState } from '../../enrolment/order.js';
import type { ClaimedOrder, DueKind, DueOrder } from '../../enrolment/ports.js';
import type { Sealer } from '../../runtime/seal.js';
import type { Context, SystemContext } from '../../tenancy/context.js';
import { type Connection, rowsOf, transact } from '../connection/connection.js';
import type { Tables } from '../tables.js';
import { type RequestRow, requestOf } from './request-json.js';
import { type OrderRow, orderColumns, toOrder } from './rows.js';

export interface WorkRow extends RequestRow {
  readonly fence: number;
  readonly calls: number;
  readonly called_at: Date | null;
  readonly called_ms_ago: number | null;
  readonly ca_reference: string | null;
}

/** An UNCERTAIN or CA_PENDING order, or an EXPIRED one that was either, for a look-up. The state stays; the fence keeps others out. */
export function claimLookup(connection: Connection, sealer: Sealer, context: Context, orderId: string, leaseMs: number): Promise<ClaimedOrder | undefined> {
  return transact(connection, async (trx) => {
    const order = await takeOrder(trx, context, orderId, ['UNCERTAIN', 'CA_PENDING', 'EXPIRED']);
    return order === undefined ? undefined : toClaimed(order, await takeWork(trx, orderId, leaseMs), sealer);
  });
}

/** Locks an order whose work is due and free; one that another node is just taking is skipped, not waited for. */
async function takeOrder(trx: Transaction<Tables>, context: Context, orderId: string, states: readonly OrderState[]): Promise<OrderRow | undefined> {
  const { rows } = await sql<OrderRow>`select ${orderColumns} from order_work w join orders o on o.id = w.order_id
    where w.order_id = ${orderId} and (${context.tenantId}::uuid is null or o.tenant_id = ${context.tenantId})
      and o.state in (${sql.join(states)}) and w.next_attempt_at <= clock_timestamp()
      and (w.lease_until is null or w.lease_until < clock_timestamp())
    for update of w, o skip locked`.execute(trx);
  return rows[0];
}

async function takeWork(trx: Transaction<Tables>, orderId: string, leaseMs: number): Promise<WorkRow> {
  const { rows } = await sql<WorkRow>`update order_work set fence = fence + 1,
      lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
    where order_id = ${orderId} returning order_id, tenant_id, fence, request, pkcs10, calls, called_at,
      (extract(epoch from clock_timestamp() - called_at) * 1000)::float8 as called_ms_ago, ca_reference`.execute(trx);
  return rows[0] as WorkRow;
}

export function toClaimed(row: OrderRow, work: WorkRow, sealer: Sealer): ClaimedOrder {
  return {
    order: toOrder(row),
    request: requestOf(work, sealer),
    fence: work.fence,
    caRef: `${row.tenant_id}-${row.id}`,
    caReference: work.ca_reference,
    calls: work.calls,
    calledAt: work.called_at,
    calledMsAgo: work.called_ms_ago,
  };
}

const dueStates = { issue: ['ACCEPTED'], repeat: ['ACCEPTED'], lookup: ['UNCERTAIN', 'EXPIRED'], poll: ['CA_PENDING'] } as const satisfies Record<
  DueKind,
  readonly OrderState[]
>;

interface DueRow {
  readonly order_id: string;
  readonly tenant_id: string;
  readonly profile_id: string;
  readonly connector_id: string;
}

const byCalls = { issue: sql`and w.calls = 0`, repeat: sql`and w.calls > 0`, lookup: sql``, poll: sql`` } as const satisfies Record<DueKind, unknown>;

/** By `now()`, which an index can be searched for, as it cannot for `clock_timestamp()`. Oldest first; expired orders, for which nobody waits, after all others. */
export async function due(
  connection: Connection,
  _context: SystemContext,
  kind: DueKind,
  limit: number,
  except: readonly string[] = [],
): Promise<readonly DueOrder[]> {
  const rows = await rowsOf(
    connection,
    sql<DueRow>`select w.order_id, o.tenant_id, o.profile_id, o.connector_id from order_work w join orders o on o.id = w.order_id
      where o.state in (${sql.join(dueStates[kind])}) and w.next_attempt_at <= now()
        and (w.lease_until is null or w.lease_until < now()) and o.connector_id <> all(${except}::uuid[]) ${byCalls[kind]}
      order by o.state = 'EXPIRED', w.next_attempt_at limit ${limit}`,
  );
  return rows.map((row) => ({
    orderId: row.order_id,
    tenantId: row.tenant_id,
    profileId: row.profile_id,
    connectorId: row.connector_id,
  }));
}
