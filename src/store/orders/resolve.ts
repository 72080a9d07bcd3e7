import { sql } from 'kysely';
import type { CertificateRecord, CertificateRequest } from '../../enrolment/ports.js';
import type { Sealer } from '../../runtime/seal.js';
import type { TenantContext } from '../../tenancy/context.js';
import { type Boot, writeAudit } from '../audit.js';
import { type Connection, firstOf, transact } from '../connection/connection.js';
import { endWork, enterState, lockOrder, resumeWork } from './change.js';
import { stateEvent } from './event.js';
import { type RequestRow, requestOf } from './request-json.js';
import { insertCertificate } from './settle-claimed.js';

/** What was asked of the CA for an open order. */
export async function openRequest(connection: Connection, sealer: Sealer, context: TenantContext, orderId: string): Promise<CertificateRequest | undefined> {
  const row = await firstOf(
    connection,
    sql<RequestRow>`select order_id, tenant_id, request, pkcs10 from order_work where order_id = ${orderId} and tenant_id = ${context.tenantId}`,
  );
  return row === undefined ? undefined : requestOf(row, sealer);
}

/** STUCK -> ISSUED with the certificate that an operator found; false when the order is elsewhere, `taken` when another order has it. */
export function resolveStuck(
  connection: Connection,
  boot: Boot,
  context: TenantContext,
  orderId: string,
  certificate: CertificateRecord,
  reason: string,
): Promise<boolean | 'taken'> {
  return transact(connection, async (trx, isRetry) => {
    const order = await lockOrder(trx, context.tenantId, orderId);
    if (order?.state !== 'STUCK') return isRetry && order?.state === 'ISSUED';
    if (!(await insertCertificate(trx, order, certificate))) return 'taken';
    await enterState(trx, order, { to: 'ISSUED', reason, certificateId: certificate.id });
    await endWork(trx, orderId);
    await sql`delete from orphan_certificates where order_id = ${orderId} and sha256 = ${certificate.sha256}`.execute(trx);
    await writeAudit(trx, boot, [stateEvent(context, orderId, 'ISSUED', `${reason} (serial ${certificate.serial})`)]);
    return true;
  });
}

/** More than any order has. */
const allCalls = 1_000_000;

/** STUCK -> ACCEPTED: the operator says that the CA issued nothing; the order begins anew, its calls forgotten. */
export function retryStuck(connection: Connection, boot: Boot, context: TenantContext, orderId: string, reason: string): Promise<boolean> {
  return transact(connection, async (trx, isRetry) => {
    const order = await lockOrder(trx, context.tenantId, orderId);
    if (order?.state !== 'STUCK') return isRetry && order?.state === 'ACCEPTED';
    await enterState(trx, order, { to: 'ACCEPTED', reason });
    await resumeWork(trx, orderId, 0, null, allCalls);
    await writeAudit(trx, boot, [stateEvent(context, orderId, 'ACCEPTED', reason)]);
    return true;
  });
}
