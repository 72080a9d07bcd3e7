import type { TenantContext } from '../../tenancy/context.js';
import type { Boot } from '../audit.js';
import { canonicalJson } from '../canonical-json.js';
import type { Connection } from '../connection/connection.js';
import { retrying } from '../connection/transient.js';
import { storableJson } from '../text.js';

export interface Delivery {
  readonly context: TenantContext;
  readonly orderId: string;
  readonly state: 'DELIVERED' | 'CONFIRMED';
}

/**
 * ISSUED -> DELIVERED, or ISSUED and DELIVERED -> CONFIRMED, for many orders; those that are elsewhere by now stay there. What a
 * confirmed renewal renews is superseded. The audit counter comes last, after everything that may wait for another transaction.
 * Orders are found by array: the plan is kept, and one made while the table was small would go on to read all of it.
 */
const deliverStatement = `
with input as materialized (
  select * from json_to_recordset($1::json) as ("orderId" uuid, "tenantId" uuid, state text, actor text, action text, details text)
), locked as materialized (
  select input.* from input join orders o on o.id = input."orderId" and o.tenant_id = input."tenantId"
  where o.id = any (array(select "orderId" from input)) and (o.state = 'ISSUED' or (o.state = 'DELIVERED' and input.state = 'CONFIRMED'))
  order by o.id for update of o
), moved as (
  update orders o set state = locked.state from locked where o.id = locked."orderId" returning o.state, o.renews, o.certificate_id
), superseded as (
  update certificates c set status = 'superseded', superseded_by = moved.certificate_id from moved
  where moved.state = 'CONFIRMED' and c.id = moved.renews and c.status = 'valid' returning 1
), counter as (
  update audit_boots set last_seq = last_seq + locked.count from (select count(*) as count from locked) as locked
  where boot_id = $2 and (select count(*) from superseded) >= 0 returning last_seq - locked.count as base
)
insert into audit_events (boot_id, node_seq, node_id, at, tenant_id, actor, action, object, outcome, details)
select $2, (select base from counter) + row_number() over (), $3, now(), "tenantId", actor, action, 'order:' || "orderId", 'success', details from locked`;

export async function writeDeliveries(connection: Connection, boot: Boot, deliveries: readonly Delivery[]): Promise<void> {
  const values = [storableJson(lastWords(deliveries).map(inputRow)), boot.id, boot.nodeId];
  await retrying(() => connection.prepared('deliver', deliverStatement, values));
}

/** One row per order: CONFIRMED says more than DELIVERED, whichever was noted first. */
function lastWords(deliveries: readonly Delivery[]): readonly Delivery[] {
  const byOrder = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    if (byOrder.get(delivery.orderId)?.state !== 'CONFIRMED') byOrder.set(delivery.orderId, delivery);
  }
  return [...byOrder.values()];
}

function inputRow({ context, orderId, state }: Delivery): Readonly<Record<string, unknown>> {
  const action = `order.${state.toLowerCase()}`;
  return { orderId, tenantId: context.tenantId, state, actor: context.actor, action, details: canonicalJson({ state }) };
}
