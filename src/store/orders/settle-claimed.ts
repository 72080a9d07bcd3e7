import { createHash } from 'node:crypto';
import { sql, type Transaction } from 'kysely';
import type { OrderState } from '../../enrolment/order.js';
import type { CertificateRecord, ClaimedOrder, ClaimResult } from '../../enrolment/ports.js';
import type { RefusalCode } from '../../enrolment/refusal.js';
import { uuidv7 } from '../../runtime/ids.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, transact } from '../connection/connection.js';
import type { Tables } from '../tables.js';
import { storableJson, storableText } from '../text.js';
import { endWork, enterState, type LockedOrder, lockOrder, resumeWork, wantRevocation } from './change.js';
import { stateEvent } from './event.js';
import { type ClaimableState, claimableStates, isLookedUpAgain, steps } from './steps.js';

type Trx = Transaction<Tables>;

/** Records the result of a claimed call, if the fence is still ours; else keeps what the CA issued as an orphan. False also for another order's certificate. */
export function settleClaimed(connection: Connection, boot: Boot, context: TenantContext, claimed: ClaimedOrder, result: ClaimResult): Promise<boolean> {
  return transact(connection, async (trx) => {
    const order = await lockOrder(trx, context.tenantId, claimed.order.id);
    if (order === undefined) return false;
    if (order.fence !== claimed.fence || !isClaimable(order.state)) return refuseLate(trx, context, order, result);
    const checked = await checkedResult(trx, order, result);
    await apply(trx, boot, context, order, order.state, checked);
    return checked.kind === result.kind;
  });
}

function isClaimable(state: OrderState): state is ClaimableState {
  return (claimableStates as readonly OrderState[]).includes(state);
}

/** True only when this very certificate is already the order's: then an earlier try of ours was committed. */
async function refuseLate(trx: Trx, context: TenantContext, order: LockedOrder, result: ClaimResult): Promise<boolean> {
  if (result.kind === 'issued') {
    if (await isCertificateOf(trx, order, result.certificate)) return true;
    await addOrphan(trx, context.tenantId, order.id, result.certificate.der, 'The lease was lost before the certificate could be recorded.');
  }
  if (result.kind === 'stuck' && result.wrongCertificate !== undefined)
    await addOrphan(trx, context.tenantId, order.id, result.wrongCertificate, result.reason);
  return false;
}

async function isCertificateOf(trx: Trx, order: LockedOrder, certificate: CertificateRecord): Promise<boolean> {
  const { rows } = await sql`select 1 from certificates where id = ${order.certificate_id} and sha256 = ${certificate.sha256}`.execute(trx);
  return rows.length === 1;
}

/** A certificate that already belongs to another order was not issued for this one. */
async function checkedResult(trx: Trx, order: LockedOrder, result: ClaimResult): Promise<ClaimResult> {
  if (result.kind !== 'issued' || (await insertCertificate(trx, order, result.certificate))) return result;
  return { kind: 'stuck', reason: 'The CA answered with a certificate that was issued for another order.' };
}

/** False when it already belongs to another order. */
export async function insertCertificate(trx: Trx, order: LockedOrder, certificate: CertificateRecord): Promise<boolean> {
  const { rows } = await sql`
    insert into certificates (id, tenant_id, profile_id, order_id, connector_id, der, sha256, issuer_hash, issuer, serial, subject, sans, key_hash,
      not_before, not_after)
    values (${certificate.id}, ${order.tenant_id}, ${order.profile_id}, ${order.id}, ${order.connector_id}, ${certificate.der}, ${certificate.sha256},
      ${certificate.issuerHash}, ${storableText(certificate.issuer)}, ${certificate.serial}, ${storableText(certificate.subject)},
      ${storableJson(certificate.sans)}::jsonb, ${certificate.keyHash}, ${certificate.notBefore}, ${certificate.notAfter})
    on conflict do nothing returning 1`.execute(trx);
  return rows.length === 1;
}

function failInfoOf(result: ClaimResult): { readonly failInfo?: RefusalCode } {
  if (result.kind === 'failed') return { failInfo: 'order-failed' };
  return result.kind === 'rejected' ? { failInfo: result.code ?? 'ca-refused' } : {};
}

async function apply(trx: Trx, boot: Boot, context: TenantContext, order: LockedOrder, state: ClaimableState, result: ClaimResult): Promise<void> {
  const path = steps[state][result.kind];
  const reason = 'reason' in result ? result.reason : '';
  const failInfo = failInfoOf(result);
  const certificate = result.kind === 'issued' ? { certificateId: result.certificate.id } : {};
  const to = path.at(-1);
  if (to !== undefined) await enterState(trx, order, { to, reason, ...failInfo, ...certificate });
  await settleWork(trx, order, to ?? state, result);
  await keepCertificates(trx, order, to, result);
  const issued = result.kind === 'issued' ? `serial ${result.certificate.serial}` : undefined;
  await writeAudit(
    trx,
    boot,
    path.map((step) => stateEvent(context, order.id, step, reason === '' ? issued : reason)),
  );
}

async function settleWork(trx: Trx, order: LockedOrder, state: OrderState, result: ClaimResult): Promise<void> {
  const goesOn =
    state === 'ACCEPTED' || state === 'UNCERTAIN' || state === 'CA_PENDING' || state === 'STUCK' || (state === 'EXPIRED' && isLookedUpAgain(result));
  if (!goesOn) return endWork(trx, order.id);
  const reference = result.kind === 'pending' ? storableText(result.reference) : null;
  await resumeWork(trx, order.id, delayOf(result), reference, result.kind === 'retry' && result.notCounted ? 1 : 0);
}

function delayOf(result: ClaimResult): number {
  if (result.kind === 'pending') return result.retryAfterSeconds * 1000;
  return result.kind === 'retry' || result.kind === 'uncertain' ? result.delayMs : 0;
}

/** A wrong certificate, or one that came after the order expired, is revoked at the CA (fault point F11). */
async function keepCertificates(trx: Trx, order: LockedOrder, to: OrderState | undefined, result: ClaimResult): Promise<void> {
  const { id: orderId, tenant_id: tenantId } = order;
  if (result.kind === 'issued') {
    // The same certificate may have come earlier, to one that had lost its lease.
    await sql`delete from orphan_certificates where order_id = ${orderId} and sha256 = ${result.certificate.sha256}`.execute(trx);
    if (to === 'REVOKE_WANTED') await wantRevocation(trx, tenantId, { orderId, certificateId: result.certificate.id, orphanId: null, reason: 0 });
  }
  if (result.kind === 'stuck' && result.wrongCertificate !== undefined) {
    const orphanId = await addOrphan(trx, tenantId, orderId, result.wrongCertificate, result.reason);
    if (orphanId !== undefined) await wantRevocation(trx, tenantId, { orderId, certificateId: null, orphanId, reason: 0 });
  }
}

async function addOrphan(trx: Trx, tenantId: string, orderId: string, certificate: Buffer, reason: string): Promise<string | undefined> {
  const sha256 = createHash('sha256').update(certificate).digest();
  const { rows } = await sql<{ id: string }>`insert into orphan_certificates (id, tenant_id, order_id, certificate, sha256, reason)
    values (${uuidv7()}, ${tenantId}, ${orderId}, ${certificate}, ${sha256}, ${storableText(reason)}) on conflict do nothing returning id`.execute(trx);
  return rows[0]?.id;
}
