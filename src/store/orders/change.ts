import { sql, type Transaction } from 'kysely';
import { type OrderState, openStates } from '../../enrolment/order.js';
import { uuidv7 } from '../../runtime/ids.js';
import type { Tables } from '../tables.js';
import { storableText } from '../text.js';

/** Locks the order's work and then the order; everyone who changes orders takes them in this sequence. */
export async function lockOrder(trx: Transaction<Tables>, tenantId: string | null, orderId: string): Promise<LockedOrder | undefined> {
  await sql`select 1 from order_work where order_id = ${orderId} for update`.execute(trx);
  const { rows } = await sql<LockedOrder>`
    select o.id, o.tenant_id, o.profile_id, o.connector_id, o.state, o.certificate_id, w.fence, w.ca_reference
    from orders o left join order_work w on w.order_id = o.id
    where o.id = ${orderId} and (${tenantId}::uuid is null or o.tenant_id = ${tenantId}) for update of o`.execute(trx);
  return rows[0];
}

export interface LockedOrder {
  readonly id: string;
  readonly tenant_id: string;
  readonly profile_id: string;
  readonly connector_id: string;
  readonly state: OrderState;
  readonly certificate_id: string | null;
  /** null when nothing is left to be done for it. */
  readonly fence: number | null;
  readonly ca_reference: string | null;
}

export interface Change {
  readonly to: OrderState;
  readonly reason: string;
  readonly failInfo?: string;
  readonly certificateId?: string;
}

const endsRefused: readonly OrderState[] = ['REJECTED', 'FAILED', 'EXPIRED'];
const isOpen = (state: OrderState): boolean => (openStates as readonly OrderState[]).includes(state);

/** Writes the new state of a locked order, and what follows from it: the end of its work and how long its transaction is remembered. */
export async function enterState(trx: Transaction<Tables>, order: LockedOrder, change: Change): Promise<void> {
  const isRefused = endsRefused.includes(change.to);
  const reason = isRefused || change.to === 'STUCK' ? storableText(change.reason) : null;
  await sql`update orders set state = ${change.to},
      fail_info = coalesce(${isRefused ? (change.failInfo ?? null) : null}, fail_info),
      fail_reason = coalesce(${reason}::text, fail_reason),
      certificate_id = coalesce(${change.certificateId ?? null}::uuid, certificate_id),
      approved_at = case when state = 'AWAITING_APPROVAL' then now() else approved_at end,
      finished_at = case when ${isOpen(change.to)}::boolean then finished_at else coalesce(finished_at, greatest(now(), created_at)) end
    where id = ${order.id}`.execute(trx);
  if (isOpen(order.state) && !isOpen(change.to)) await retainTransaction(trx, order.id);
}

/**
 * From now on the answer is final; a device that lost it may ask again for a day. Where a confirmation is awaited, its time begins.
 */
async function retainTransaction(trx: Transaction<Tables>, orderId: string): Promise<void> {
  await sql`update transactions t set retained_until = now() + interval '24 hours',
      session = case when t.session ? 'confirmWait' and o.certificate_id is not null
        then t.session || jsonb_build_object('confirmUntil', ((extract(epoch from now()) + (t.session->>'confirmWait')::bigint) * 1000)::bigint)
        else t.session end
    from orders o where o.id = ${orderId} and t.dedupe_key = o.dedupe_key and t.order_id = o.id`.execute(trx);
}

export async function endWork(trx: Transaction<Tables>, orderId: string): Promise<void> {
  await sql`delete from order_work where order_id = ${orderId}`.execute(trx);
}

/** The work goes on after `delayMs`, by whoever comes first. `uncounted`: calls that were begun and never reached the CA. */
export async function resumeWork(trx: Transaction<Tables>, orderId: string, delayMs: number, caReference: string | null = null, uncounted = 0): Promise<void> {
  await sql`update order_work set lease_until = null, next_attempt_at = clock_timestamp() + ${delayMs} * interval '1 millisecond',
      ca_reference = coalesce(${caReference}::text, ca_reference), calls = greatest(calls - ${uncounted}::integer, 0)
    where order_id = ${orderId}`.execute(trx);
}

/** What the revocation worker needs to know; the certificate is one of ours, or an orphan. */
export interface RevocationPayload {
  readonly orderId: string;
  readonly certificateId: string | null;
  readonly orphanId: string | null;
  /** CRLReason number (RFC 5280 section 5.3.1). */
  readonly reason: number;
}

export async function wantRevocation(trx: Transaction<Tables>, tenantId: string, payload: RevocationPayload): Promise<void> {
  await sql`insert into outbox (id, tenant_id, topic, payload) values (${uuidv7()}, ${tenantId}, 'certificate.revoke', ${JSON.stringify(payload)}::jsonb)`.execute(
    trx,
  );
}
