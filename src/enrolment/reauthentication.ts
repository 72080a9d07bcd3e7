import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import { type Order, phaseOf } from './order.js';
import type { IssuedCertificate } from './ports.js';
import type { EnrolmentDeps } from './service.js';

/** A device renews more rarely than this between two proofs of its identity; one that does not is asked for a proof early. */
const renewalsLookedThrough = 200;

/**
 * Whether the device of this certificate has to show more than the certificate (row AB-22): whoever stole its key could renew for ever.
 * The last order of its account that rests on a challenge, a secret or a vendor's certificate decides.
 */
export async function isReauthenticationDue(issued: IssuedCertificate, profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<boolean> {
  const { reauthenticateDays } = profile.policy.renewal;
  if (reauthenticateDays === null) return false;
  if (issued.accountId === undefined) return true;
  const { items } = await deps.orderReader.list(context, { profileId: profile.id, accountId: issued.accountId, limit: renewalsLookedThrough });
  const last = items.find(isProof);
  return last === undefined || deps.clock.now().getTime() - last.createdAt.getTime() > reauthenticateDays * 86_400_000;
}

function isProof({ state, credential }: Order): boolean {
  return phaseOf(state) === 'issued' && (!credential.startsWith('certificate:') || credential.includes(' + '));
}
