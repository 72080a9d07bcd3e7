import { systemContext, tenantContext } from '../tenancy/context.js';
import type { RevocationDue } from './ports.js';
import type { EnrolmentDeps } from './service.js';

/** A CA that takes a revocation at none of some two thousand attempts needs somebody to look at it. */
const longestMs = 7 * 86_400_000;

/** Carries out one wanted revocation: at the CA first, which takes it any number of times, then in our own records. */
export async function carryOutRevocation(due: RevocationDue, deps: EnrolmentDeps): Promise<void> {
  const order = await deps.orderReader.find(systemContext('worker:revoke'), due.orderId);
  const issuer = order === undefined ? undefined : await deps.issuers.forOrder(order);
  if (order === undefined || issuer === undefined) return deps.revocations.retry(due, 'The connector is gone or inactive.');
  const revoked = await issuer.revoke(due.certificate, due.reason);
  if (!revoked.ok && (revoked.final === true || deps.clock.now().getTime() - due.since.getTime() > longestMs)) return giveUp(due, revoked.error, deps);
  if (!revoked.ok) return deps.revocations.retry(due, revoked.error);
  await deps.revocations.done(tenantContext(order.tenantId, 'worker:revoke'), due);
}

async function giveUp(due: RevocationDue, reason: string, deps: EnrolmentDeps): Promise<void> {
  deps.log.error({ orderId: due.orderId, reason }, 'a revocation was given up: look at the order, then let it be tried again or close it');
  await deps.revocations.giveUp(due, `The CA did not take the revocation: ${reason}`);
}
