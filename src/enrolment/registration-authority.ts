import { buildChain, type Certificate, extendedKeyUsageOf, fromPem, parseCertificate } from '../pkix/index.js';
import { oids } from '../protocol/der/index.js';
import type { Profile } from '../tenancy/profile.js';
import type { RegistrationAuthorityRight } from '../tenancy/registration-authority.js';
import type { Evidence } from './request.js';

interface Registered {
  readonly certificate: Certificate;
  readonly rights: readonly RegistrationAuthorityRight[];
}

const registeredByPolicy = new WeakMap<Profile['policy'], readonly Registered[]>();

/**
 * What a signer may do as a registration authority of the profile; nothing when it is none. It is one by its own certificate in the
 * policy, or by a certificate with the purpose cmcRA below a CA that stands there (RFC 9810 section 4.5).
 */
export function registrationAuthorityRightsOf(signer: NonNullable<Evidence['signer']>, profile: Profile, at: Date): ReadonlySet<RegistrationAuthorityRight> {
  return new Set(registeredOf(profile).flatMap((registered) => (isNamedBy(registered.certificate, signer, at) ? registered.rights : [])));
}

function isNamedBy(registered: Certificate, { certificate, others }: NonNullable<Evidence['signer']>, at: Date): boolean {
  const isItself = registered.der.equals(certificate.der);
  if (!isItself && !hasPurpose(certificate)) return false;
  return buildChain({ leaf: certificate, intermediates: others, anchors: [registered], at }).ok;
}

function hasPurpose(certificate: Certificate): boolean {
  const purposes = extendedKeyUsageOf(certificate.extensions);
  return purposes.ok && purposes.value?.includes(oids.cmcRA) === true;
}

function registeredOf(profile: Profile): readonly Registered[] {
  const known = registeredByPolicy.get(profile.policy);
  if (known !== undefined) return known;
  const registered = profile.policy.cmp.registrationAuthorities.flatMap(({ certificate, rights }) =>
    fromPem('CERTIFICATE', certificate).flatMap((der) => {
      const parsed = parseCertificate(der);
      return parsed.ok ? [{ certificate: parsed.value, rights }] : [];
    }),
  );
  registeredByPolicy.set(profile.policy, registered);
  return registered;
}
