import { systemContext, tenantContext } from '../tenancy/context.js';
import type { RevocationDue } from './ports.js';
import type { EnrolmentDeps } from './service.js';

/** Carries out one wanted revocation: at the CA first, which takes it any number of times, then in our own records. */
export async function carryOutRevocation(due: RevocationDue, deps: EnrolmentDeps): Promise<void> {
  const order = await deps.orderReader.find(systemContext('worker:revoke'), due.orderId);
  const issuer = order === undefined ? undefined : await deps.issuers.forOrder(order);
  if (order === undefined || issuer === undefined) return deps.revocations.retry(due, 'The connector is gone or inactive.');
  const revoked = await issuer.revoke(due.certificate, due.reason);
  if (!revoked.ok) return deps.revocations.retry(due, revoked.error);
  await deps.revocations.done(tenantContext(order.tenantId, 'worker:revoke'), due);
}
