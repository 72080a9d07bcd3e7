import { sql } from 'kysely';
import type { GivenUpRevocations } from '../enrolment/revocation-ports.js';
import type { TenantContext } from '../tenancy/context.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, transact } from './connection/connection.js';
import { enterState, lockOrder, type RevocationPayload } from './orders/change.js';
import { stateEvent } from './orders/event.js';
import { markRevoked } from './orders/move.js';
import { isUuid } from './text.js';

type Trx = Parameters<typeof lockOrder>[0];

/** Revocations that their CA did not take, as an operator deals with them. */
export function givenUpRevocations(connection: Connection, boot: Boot): GivenUpRevocations {
  return {
    retry: async (context, orderId) => isUuid(orderId) && transact(connection, (trx) => retry(trx, boot, context, orderId)),
    close: async (context, orderId, reason) => isUuid(orderId) && transact(connection, (trx) => close(trx, boot, context, orderId, reason)),
  };
}

async function retry(trx: Trx, boot: Boot, context: TenantContext, orderId: string): Promise<boolean> {
  const order = await lockOrder(trx, context.tenantId, orderId);
  if (order === undefined) return false;
  const { rows } = await sql`update outbox set given_up_at = null, created_at = now(), attempts = 0, next_attempt_at = clock_timestamp()
    where ${givenUpOf(context, orderId)} returning 1`.execute(trx);
  if (rows.length === 0) return false;
  await sql`update orders set fail_reason = null where id = ${orderId}`.execute(trx);
  await writeAudit(trx, boot, [stateEvent(context, orderId, order.state, 'The CA is asked again.')]);
  return true;
}

async function close(trx: Trx, boot: Boot, context: TenantContext, orderId: string, reason: string): Promise<boolean> {
  const order = await lockOrder(trx, context.tenantId, orderId);
  if (order === undefined) return false;
  const { rows } = await sql<{ payload: RevocationPayload }>`delete from outbox where ${givenUpOf(context, orderId)} returning payload`.execute(trx);
  if (rows.length === 0) return false;
  await sql`update orders set fail_reason = null where id = ${orderId}`.execute(trx);
  if (order.state === 'REVOKE_WANTED') await enterState(trx, order, { to: 'REVOKED', reason });
  for (const { payload } of rows) {
    if (payload.orphanId !== null) await sql`update orphan_certificates set revoked_at = now() where id = ${payload.orphanId}`.execute(trx);
    else if (payload.certificateId !== null && order.state === 'REVOKE_WANTED') await markRevoked(trx, payload.certificateId, payload.reason);
  }
  const state = order.state === 'REVOKE_WANTED' ? 'REVOKED' : order.state;
  await writeAudit(trx, boot, [stateEvent(context, orderId, state, reason)]);
  return true;
}

function givenUpOf({ tenantId }: TenantContext, orderId: string) {
  return sql`topic = 'certificate.revoke' and tenant_id = ${tenantId} and payload->>'orderId' = ${orderId} and given_up_at is not null`;
}
