import { sql } from 'kysely';
import { openStates } from '../../enrolment/order.js';
import type { NewOrder } from '../../enrolment/ports.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Connection, firstOf } from '../connection/connection.js';
import { accountOf } from './account.js';

/** Found among the orders of the account: a renewal keeps it. */
export async function hasOpenRenewal(connection: Connection, { tenantId }: TenantContext, order: NewOrder): Promise<boolean> {
  const accountId = accountOf(order);
  const found = await firstOf(
    connection,
    sql`select 1 from orders o left join transactions t on t.dedupe_key = o.dedupe_key and t.order_id = o.id
      where o.account_id = ${accountId} and o.tenant_id = ${tenantId} and o.renews = ${order.renews} and o.dedupe_key <> ${order.dedupeKey}
        and (o.state in (${sql.join(openStates)}) or (o.state in ('ISSUED', 'DELIVERED') and t.confirm_until is not null))
      limit 1`,
  );
  return found !== undefined;
}
