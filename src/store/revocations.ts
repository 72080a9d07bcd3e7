import { type RawBuilder, sql } from 'kysely';
import type { RevocationDue, RevocationQueue } from '../enrolment/ports.js';
import { removeFromCrl } from '../enrolment/revocation-ports.js';
import type { TenantContext } from '../tenancy/context.js';
import { type Boot, writeAudit } from './audit.js';
import { type Connection, rowsOf, transact } from './connection/connection.js';
import { enterState, lockOrder, type RevocationPayload } from './orders/change.js';
import { stateEvent } from './orders/event.js';
import { markRevoked } from './orders/move.js';
import { release, wantRevocations } from './orders/want-revocations.js';
import { storableText } from './text.js';

interface DueRow {
  readonly id: string;
  readonly payload: RevocationPayload;
  readonly certificate: Buffer;
  readonly created_at: Date;
}

/** The outbox topic `certificate.revoke`. */
export function revocationQueue(connection: Connection, boot: Boot): RevocationQueue {
  return {
    want: (context, revocation) => wantRevocations(connection, boot, context, revocation),
    claim: (_context, limit, leaseMs) => claim(connection, sql`true`, limit, leaseMs),
    claimOf: (context, orderIds, leaseMs) => claim(connection, ofOrders(context, orderIds), orderIds.length, leaseMs),
    underWay: (context, orderIds) => underWay(connection, context, orderIds),
    done: (context, due) => done(connection, boot, context, due),
    retry: async (due, reason) => {
      await rowsOf(connection, retryStatement(due.outboxId, reason));
    },
    giveUp: (due, reason) => giveUp(connection, boot, due, reason),
  };
}

/** By the tenant too, so that nobody's id leads to another's. */
function ofOrders({ tenantId }: TenantContext, orderIds: readonly string[]): RawBuilder<unknown> {
  return sql`tenant_id = ${tenantId} and payload->>'orderId' = any(${orderIds})`;
}

async function underWay(connection: Connection, context: TenantContext, orderIds: readonly string[]) {
  const rows = await rowsOf(
    connection,
    sql<{
      id: string;
      is_given_up: boolean;
    }>`select payload->>'orderId' as id, given_up_at is not null as is_given_up from outbox where topic = 'certificate.revoke' and ${ofOrders(context, orderIds)}`,
  );
  return rows.map(({ id, is_given_up: isGivenUp }) => ({ orderId: id, isGivenUp }));
}

async function claim(connection: Connection, which: RawBuilder<unknown>, limit: number, leaseMs: number): Promise<readonly RevocationDue[]> {
  const rows = await rowsOf(
    connection,
    sql<DueRow>`with taken as (
        update outbox set next_attempt_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
        where id in (select id from outbox where topic = 'certificate.revoke' and next_attempt_at <= now() and ${which}
          order by next_attempt_at limit ${limit} for update skip locked)
        returning id, payload, created_at)
      select taken.id, taken.payload, taken.created_at, coalesce(c.der, orphan.certificate) as certificate from taken
        left join certificates c on c.id = (taken.payload->>'certificateId')::uuid
        left join orphan_certificates orphan on orphan.id = (taken.payload->>'orphanId')::uuid
      where coalesce(c.der, orphan.certificate) is not null order by taken.id`,
  );
  return rows.map(({ id, payload, certificate, created_at: since }) => {
    const { orderId, reason } = payload;
    return { outboxId: id, orderId, certificate, reason, since };
  });
}

/** The order's own certificate closes the order too; an orphan only itself. */
function done(connection: Connection, boot: Boot, context: TenantContext, due: RevocationDue): Promise<void> {
  return transact(connection, async (trx) => {
    const order = await lockOrder(trx, context.tenantId, due.orderId);
    if (order === undefined) return;
    const { rows } = await sql<{
      payload: RevocationPayload;
    }>`delete from outbox where id = ${due.outboxId} and tenant_id = ${context.tenantId} returning payload`.execute(trx);
    const payload = rows[0]?.payload;
    if (payload === undefined) return;
    if (payload.orphanId !== null) await sql`update orphan_certificates set revoked_at = now() where id = ${payload.orphanId}`.execute(trx);
    if (payload.certificateId === null) return;
    if (payload.reason === removeFromCrl) await release(trx, payload.certificateId);
    else await markRevoked(trx, payload.certificateId, payload.reason);
    const isReleased = payload.reason === removeFromCrl && order.state === 'REVOKED';
    if (isReleased) await enterState(trx, order, { to: 'CONFIRMED', reason: '' });
    if (isReleased) await writeAudit(trx, boot, [stateEvent(context, order.id, 'CONFIRMED', 'The hold was lifted.')]);
    if (order.state !== 'REVOKE_WANTED') return;
    await enterState(trx, order, { to: 'REVOKED', reason: '' });
    await writeAudit(trx, boot, [stateEvent(context, order.id, 'REVOKED')]);
  });
}

/** The row stays, at the end of time: it says that the certificate is still to be revoked. */
function giveUp(connection: Connection, boot: Boot, due: RevocationDue, reason: string): Promise<void> {
  return transact(connection, async (trx) => {
    const order = await lockOrder(trx, null, due.orderId);
    const { rows } = await sql`update outbox set given_up_at = now(), next_attempt_at = 'infinity', last_error = ${storableText(reason)}
      where id = ${due.outboxId} and given_up_at is null returning 1`.execute(trx);
    if (order === undefined || rows.length === 0) return;
    await sql`update orders set fail_reason = ${storableText(reason)} where id = ${order.id}`.execute(trx);
    const event = stateEvent({ tenantId: order.tenant_id, actor: 'worker:revoke' }, order.id, order.state, reason);
    await writeAudit(trx, boot, [{ ...event, outcome: 'failure' }]);
  });
}

/** 1 s, 2 s, 4 s, ... up to 5 minutes. */
function retryStatement(outboxId: string, reason: string) {
  return sql`update outbox set last_error = ${storableText(reason)},
      next_attempt_at = clock_timestamp() + least(300, power(2, least(attempts, 10)) / 2) * interval '1 second'
    where id = ${outboxId}`;
}
