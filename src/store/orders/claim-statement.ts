import type { ClaimedOrder } from '../../enrolment/ports.js';
import type { Sealer } from '../../runtime/seal.js';
import type { Context } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { type Batcher, createBatcher } from '../batcher.js';
import { canonicalJson } from '../canonical-json.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { storableJson } from '../text.js';
import { batchLimits } from './batch-limits.js';
import { toClaimed, type WorkRow } from './claim.js';
import type { OrderRow } from './rows.js';

interface Claim {
  readonly context: Context;
  readonly orderId: string;
  readonly leaseMs: number;
}

/**
 * ACCEPTED -> ISSUING for many orders: fence, lease, intent and audit row are one commit, before any call goes out. Those that another node
 * is just taking are skipped, not waited for; the audit counter is taken last.
 */
const claimStatement = `
with input as materialized (
  select * from json_to_recordset($1::json) as ("orderId" uuid, "tenantId" uuid, "leaseMs" integer, actor text)
), locked as materialized (
  select w.order_id, input."leaseMs", input.actor from order_work w join orders o on o.id = w.order_id join input on input."orderId" = w.order_id
  where w.order_id = any (array(select "orderId" from input)) and (input."tenantId" is null or o.tenant_id = input."tenantId")
    and o.state = 'ACCEPTED' and w.next_attempt_at <= clock_timestamp() and (w.lease_until is null or w.lease_until < clock_timestamp())
  order by w.order_id for update of w, o skip locked
), taken as (
  update order_work w set fence = w.fence + 1, lease_until = clock_timestamp() + locked."leaseMs" * interval '1 millisecond', calls = w.calls + 1,
    called_at = clock_timestamp()
  from locked where w.order_id = locked.order_id
  returning w.order_id, w.fence, w.request, w.pkcs10, w.calls, w.called_at, w.ca_reference
), moved as (
  update orders o set state = 'ISSUING' from locked where o.id = locked.order_id
  returning o.*, locked.actor as claimer
), intents as (
  insert into order_intents (order_id, fence, tenant_id, request_hash, connector_version, called_at)
  select moved.id, taken.fence, moved.tenant_id, sha256(convert_to(taken.request::text, 'UTF8')), c.version, taken.called_at
  from taken join moved on moved.id = taken.order_id left join connectors c on c.id = moved.connector_id
), counter as (
  update audit_boots set last_seq = last_seq + moved.count from (select count(*) as count from moved) as moved
  where boot_id = $2 returning last_seq - moved.count as base
), new_events as (
  insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
  select $2, (select base from counter) + row_number() over (), $3, now(), tenant_id, claimer, 'order.issuing', 'order:' || id, 'success', $4 from moved
)
select moved.*, taken.order_id, taken.fence, taken.request, taken.pkcs10, taken.calls, taken.called_at, taken.ca_reference,
  (extract(epoch from clock_timestamp() - taken.called_at) * 1000)::float8 as called_ms_ago
from taken join moved on moved.id = taken.order_id`;

const details = canonicalJson({ state: 'ISSUING' });

/** Claims of concurrent callers, committed together; undefined for those that somebody else has, or that are not due. */
export function claimBatcher(connection: Connection, boot: Boot, sealer: Sealer): Batcher<Claim, ClaimedOrder | undefined> {
  const claimAll = async (claims: readonly Claim[]): Promise<readonly (ClaimedOrder | undefined)[]> => {
    const rows = await claimRows(connection, boot, claims);
    const byOrder = new Map(rows.map((row) => [row.id, row]));
    return claims.map(({ orderId }) => {
      const row = byOrder.get(orderId);
      // Of two callers in this very process one has it.
      byOrder.delete(orderId);
      return row === undefined ? undefined : toClaimed(row, row, sealer);
    });
  };
  return createBatcher(claimAll, { ...batchLimits[connection.kind], name: 'claim' });
}

async function claimRows(connection: Connection, boot: Boot, claims: readonly Claim[]): Promise<readonly (OrderRow & WorkRow)[]> {
  const byOrder = new Map(claims.map((claim) => [claim.orderId, claim]));
  const input = [...byOrder.values()].map(({ context, orderId, leaseMs }) => ({ orderId, tenantId: context.tenantId, leaseMs, actor: context.actor }));
  const values = [storableJson(input), boot.id, boot.nodeId, details];
  return retrying(() => connection.prepared<OrderRow & WorkRow>('claim', claimStatement, values));
}
