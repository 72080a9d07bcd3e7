import { buildChainInTurns, type Certificate, type ChainWork, extendedKeyUsageOf, fromPem, newChainWork, parseCertificate } from '../pkix/index.js';
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
export async function registrationAuthorityRightsOf(
  signer: NonNullable<Evidence['signer']>,
  profile: Profile,
  at: Date,
): Promise<ReadonlySet<RegistrationAuthorityRight>> {
  const rights = new Set<RegistrationAuthorityRight>();
  // One allowance for all of them: a signer that is none of them is not looked for anew under each.
  const work = newChainWork();
  for (const registered of registeredOf(profile)) {
    if (await isNamedBy(registered.certificate, signer, at, work)) for (const right of registered.rights) rights.add(right);
  }
  return rights;
}

async function isNamedBy(registered: Certificate, { certificate, others }: NonNullable<Evidence['signer']>, at: Date, work: ChainWork): Promise<boolean> {
  const isItself = registered.der.equals(certificate.der);
  if (!isItself && !hasPurpose(certificate)) return false;
  return (await buildChainInTurns({ leaf: certificate, intermediates: others, anchors: [registered], at, work })).ok;
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
