import { nameToText } from '../pkix/index.js';
import type { TenantContext } from '../tenancy/context.js';
import type { Profile } from '../tenancy/profile.js';
import type { RegistrationAuthorityRight } from '../tenancy/registration-authority.js';
import { isRevoked } from './is-revoked.js';
import { registrationAuthorityRightsOf } from './registration-authority.js';
import type { Evidence } from './request.js';
import type { EnrolmentDeps } from './service.js';

export type Rights = ReadonlySet<RegistrationAuthorityRight>;

const none: Rights = new Set();

/** What who signed may do as an RA of the profile; nothing once its certificate is one of ours and revoked. */
export async function authorityRights(signer: Evidence['signer'], profile: Profile, context: TenantContext, deps: EnrolmentDeps): Promise<Rights> {
  if (signer === undefined || profile.policy.cmp.registrationAuthorities.length === 0) return none;
  const rights = await registrationAuthorityRightsOf(signer, profile, deps.clock.now());
  if (rights.size === 0) return none;
  const issued = await deps.certificates.findByFingerprint(context, deps.fingerprint(signer.certificate.der));
  return issued !== undefined && isRevoked(issued) ? none : rights;
}

/** An RA that asks on behalf of a device; the names asked for are not its own, so that nothing binds them to its certificate. */
export async function authorityCredential(signer: NonNullable<Evidence['signer']>, profile: Profile, context: TenantContext, deps: EnrolmentDeps) {
  const rights = await authorityRights(signer, profile, context, deps);
  return rights.has('enrol') ? ({ kind: 'authority', label: `ra:${nameToText(signer.certificate.subject)}` } as const) : undefined;
}
