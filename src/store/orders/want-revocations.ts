import { sql, type Transaction } from 'kysely';
import type { OrderState } from '../../enrolment/order.js';
import { certificateHold, type NewRevocation, type RevocationRecorded, removeFromCrl, type WantedRevocation } from '../../enrolment/revocation-ports.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import type { Tables } from '../tables.js';
import { storableJson, storableText } from '../text.js';
import { enterState, lockOrder, wantRevocation } from './change.js';
import { stateEvent } from './event.js';
import { findTransaction } from './transactions.js';

type Trx = Transaction<Tables>;

/** A certificate is not, or no longer, in a state in which it can be treated so. */
class Changed extends Error {}

/** Records what a device wants revoked, under its transactionID, unless that is taken; all of it is one commit, or nothing. */
export async function wantRevocations(connection: Connection, boot: Boot, context: TenantContext, revocation: NewRevocation): Promise<RevocationRecorded> {
  try {
    return await transact(connection, async (trx) => {
      if (!(await takeDedupeKey(trx, context, revocation))) return existing(trx, context, revocation);
      // Everyone who takes several orders takes them in the sequence of their ids.
      for (const wanted of [...revocation.wanted].sort((a, b) => (a.orderId < b.orderId ? -1 : 1)))
        await wantOne(trx, boot, context, revocation.reason, wanted);
      return { kind: 'recorded' };
    });
  } catch (error) {
    if (error instanceof Changed) return { kind: 'changed' };
    throw error;
  }
}

/** One certificate on hold, as an administrator decides; false when it is not, or no longer, on hold. */
export async function changeHeld(connection: Connection, boot: Boot, context: TenantContext, reason: string, wanted: WantedRevocation): Promise<boolean> {
  try {
    await transact(connection, async (trx) => {
      if (!(await isOnHold(trx, wanted.certificateId))) throw new Changed();
      await wantOne(trx, boot, context, reason, wanted);
    });
    return true;
  } catch (error) {
    if (error instanceof Changed) return false;
    throw error;
  }
}

async function existing(trx: Trx, context: TenantContext, { dedupeKey }: NewRevocation): Promise<RevocationRecorded> {
  const transaction = await findTransaction(trx, context, dedupeKey);
  if (transaction === undefined) throw new Error('The transaction was forgotten while it was being recorded again.');
  return { kind: 'existing', transaction };
}

/** The row points at the order of the first certificate: that is what the device will ask about. */
async function takeDedupeKey(trx: Trx, { tenantId }: TenantContext, revocation: NewRevocation): Promise<boolean> {
  const { dedupeKey, wanted, profileId, transactionId, contentHash, session } = revocation;
  const { rows } = await sql`
    insert into transactions (dedupe_key, order_id, tenant_id, profile_id, transaction_id, content_hash, session, retained_until)
    values (${dedupeKey}, ${wanted[0]?.orderId}, ${tenantId}, ${profileId}, ${storableText(transactionId)}, ${contentHash},
      ${storableJson(session)}::jsonb, now() + interval '24 hours')
    on conflict (dedupe_key) do nothing returning 1`.execute(trx);
  return rows.length === 1;
}

const issued: readonly OrderState[] = ['ISSUED', 'DELIVERED', 'CONFIRMED'];

async function wantOne(trx: Trx, boot: Boot, context: TenantContext, why: string, wanted: WantedRevocation): Promise<void> {
  const { orderId, certificateId, reason } = wanted;
  const order = await lockOrder(trx, context.tenantId, orderId);
  if (order === undefined || order.certificate_id !== certificateId || (await isUnderWay(trx, orderId))) throw new Changed();
  const isHeld = order.state === 'REVOKED' && (await isOnHold(trx, certificateId));
  const isPossible = reason === removeFromCrl ? isHeld : isHeld || issued.includes(order.state);
  if (!isPossible) throw new Changed();
  await wantRevocation(trx, context.tenantId, { orderId, certificateId, orphanId: null, reason });
  if (!isHeld) await enterState(trx, order, { to: 'REVOKE_WANTED', reason: why });
  const event = stateEvent(context, orderId, isHeld ? order.state : 'REVOKE_WANTED', why);
  await writeAudit(trx, boot, [isHeld ? { ...event, action: reason === removeFromCrl ? 'certificate.release-wanted' : 'certificate.revoke-wanted' } : event]);
}

async function isOnHold(trx: Trx, certificateId: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from certificates where id = ${certificateId} and status = 'revoked' and revocation_reason = ${certificateHold}`.execute(trx);
  return rows.length === 1;
}

async function isUnderWay(trx: Trx, orderId: string): Promise<boolean> {
  const { rows } = await sql`select 1 from outbox where topic = 'certificate.revoke' and payload->>'orderId' = ${orderId}`.execute(trx);
  return rows.length > 0;
}

/** A certificate on hold is good again: as it was before, superseded if it was. */
export async function release(trx: Trx, certificateId: string): Promise<void> {
  await sql`update certificates set status = case when superseded_by is null then 'valid' else 'superseded' end, revoked_at = null, revocation_reason = null
    where id = ${certificateId} and revocation_reason = ${certificateHold}`.execute(trx);
}
