import { tenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { dedupeKeyOf } from './new-order.js';
import type { StoredTransaction } from './ports.js';
import type { Confirmation, EnrolmentDeps } from './service.js';

/** How long a repeated certConf is answered like the first (its pkiconf may have been lost). */
const repeatMs = 600_000;

/** The device's word on its certificate (RFC 9483 section 4.1.1): accepted -> CONFIRMED, refused -> it will be revoked. */
export async function confirm(profile: Profile, transaction: StoredTransaction, isAccepted: boolean, deps: EnrolmentDeps): Promise<Confirmation> {
  const context = tenantContext(profile.tenantId, 'device');
  const { order, session } = transaction;
  const confirmedAt = session.confirmedAt;
  if (typeof confirmedAt === 'number') return deps.clock.now().getTime() - confirmedAt <= repeatMs ? 'already' : 'closed';
  const target = isAccepted ? 'CONFIRMED' : 'REVOKE_WANTED';
  const reason = isAccepted ? 'The device confirmed the certificate.' : 'The device refused the certificate.';
  const isMoved = await deps.orders.move(context, order.id, ['ISSUED', 'DELIVERED'], target, reason);
  if (!isMoved) return 'unexpected';
  const requester = Buffer.from(String(session.requester), 'hex');
  const dedupeKey = dedupeKeyOf(profile.id, { protocol: order.protocol, transactionId: order.transactionId, requester });
  await deps.orders.updateSession(context, dedupeKey, { ...session, confirmedAt: deps.clock.now().getTime() });
  return isAccepted ? 'confirmed' : 'rejected';
}
